using Vitrine.Inputs.Pictures;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Cli.Commands;

/// <summary>Picture files as an image encoder reads them side by side.</summary>
internal static class PictureBatch
{
    /// <summary>(files, 3, height, width), prepared as the model asks.</summary>
    /// <exception cref="VitrineException">A file is no picture.</exception>
    public static Tensor Read(VisionModel model, IReadOnlyList<string> files)
    {
        using var scope = NewDisposeScope();
        return cat([.. files.Select(f =>
        {
            using var input = model.Prepare(PictureFile.Read(f, upright: true));
            return input.Pixels.alias();
        })], 0).MoveToOuterDisposeScope();
    }
}
