using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using Vitrine.Views;

namespace Vitrine.Cli.Commands;

/// <summary>The folder that <c>vitrine image</c> and <c>vitrine classify</c> write: a page, its data, and the maps as PNG files.</summary>
/// <param name="folder">It may exist.</param>
/// <param name="input">The picture as the model sees it.</param>
/// <param name="scale">Pixels of a PNG map for each pixel of the picture.</param>
internal sealed class PictureFolder(string folder, PictureInput input, int scale)
{
    private const string Maps = "maps", Data = "data.json", Page = "page.html";

    /// <summary>Writes everything.</summary>
    /// <param name="data">As JSON.</param>
    /// <param name="page">Without provenance.</param>
    /// <param name="command">The command line.</param>
    /// <param name="model">Whose fingerprint.</param>
    /// <param name="seed">Of what was drawn.</param>
    /// <param name="maps">Named maps.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <returns>How many maps there are.</returns>
    public int Write(object data, Func<Provenance, PicturePageData> page, string command, VisionModel model, string seed,
        IReadOnlyList<(string Name, PatchMap Map, MapStyle Style)> maps, IProgress<double> progress)
    {
        AtomicFile.RequireFolder(Path.Combine(folder, Maps));
        foreach (var (index, (name, map, style)) in maps.Index())
        {
            AtomicFile.WriteAllBytes(Path.Combine(folder, Maps, name + ".png"), MapPaint.Png(input.Shown, map, style, scale));
            progress.Report((index + 1.0) / maps.Count);
        }

        AtomicFile.WriteAllText(Path.Combine(folder, Data), Output.ToJson(data));
        AtomicFile.WriteAllText(Path.Combine(folder, Page), PicturePage.Render(page(PageMade.Of(command, model, seed) with
        {
            Files = [Data, .. maps.Count > 0 ? [$"{Maps}/ ({maps.Count} PNG files)"] : Array.Empty<string>()],
        })));
        return maps.Count;
    }
}
