using Vitrine.Inputs.Pictures;
using Vitrine.Views;

namespace Vitrine.Studio.Parts;

/// <summary>Pictures as addresses that hold them whole.</summary>
internal static class Images
{
    /// <summary>A picture as PNG in a data address.</summary>
    public static string Uri(Picture picture) => "data:image/png;base64," + Convert.ToBase64String(PictureFile.EncodePng(picture));
}

/// <summary>Tokens as people read them.</summary>
internal static class TokenText
{
    /// <summary>With blanks and control characters made visible.</summary>
    public static string Visible(string token) => TokenStrip.Visible(token);
}
