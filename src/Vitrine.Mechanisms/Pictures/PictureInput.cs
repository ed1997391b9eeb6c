using Vitrine.Inputs.Pictures;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>A picture as a tower takes it.</summary>
/// <param name="Shown">Resized and cropped, before it became numbers: what the patches really lie on.</param>
/// <param name="Pixels">(1,3,H,W), normalised; owned by this.</param>
/// <param name="Steps">How it was prepared, as a person would read it.</param>
public sealed record PictureInput(Picture Shown, Tensor Pixels, IReadOnlyList<string> Steps) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Pixels.Dispose();
}
