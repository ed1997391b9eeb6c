using System.Runtime.CompilerServices;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Studio.Parts;

/// <summary>Pictures as addresses that hold them whole.</summary>
internal static class Images
{
    private static readonly ConditionalWeakTable<Picture, string> Encoded = new();

    /// <summary>A picture as PNG in a data address; encoded once.</summary>
    public static string Uri(Picture picture)
        => Encoded.GetValue(picture, p => "data:image/png;base64," + Convert.ToBase64String(PictureFile.EncodePng(p)));
}
