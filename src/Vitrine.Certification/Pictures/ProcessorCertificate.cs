using Vitrine.Inputs.Pictures;

namespace Vitrine.Certification.Pictures;

/// <summary>Image processors of transformers, both backends, alone and in batches.</summary>
internal static class ProcessorCertificate
{
    public static IEnumerable<CertificateRow> Rows(Fixture fixture)
    {
        var recipe = PictureRecipe.Open(fixture.Folder);
        return PictureGoldens.Cases(fixture).SelectMany(@case => Case(fixture, recipe, @case));
    }

    /// <remarks>Cases are named BACKEND[-VARIANT]-BATCH; the batch is an input's name, or all of them.</remarks>
    private static IEnumerable<CertificateRow> Case(Fixture fixture, PictureRecipe recipe, string @case)
    {
        var names = PictureGoldens.InputNames(fixture);
        var parts = @case.Split('-');
        var alone = names.FirstOrDefault(n => @case.EndsWith($"-{n}", StringComparison.Ordinal));
        recipe = recipe.With(parts[0] == "torchvision" ? ResizeEngine.Torchvision : PictureGoldens.Engine(fixture));
        if (parts.Length > 2 && parts[1] is "split" or "whole")
        {
            recipe = recipe.Tiled(parts[1] == "split");
        }

        var prepared = (alone is null ? names : [alone]).Select(n => recipe.Prepare(PictureGoldens.Read(fixture, n))).ToArray();
        var keys = fixture.KeysOf(@case);
        var batch = PreparedBatch.Of(prepared, frames: keys.Contains("out.pixel_values") && fixture.Shape($"{@case}/out.pixel_values").Count == 5);
        foreach (var key in keys)
        {
            var expected = fixture.Numbers($"{@case}/{key}");
            yield return key switch
            {
                "out.pixel_values" => batch.Shape.Select(s => (long)s).SequenceEqual(fixture.Shape($"{@case}/{key}"))
                    ? PictureGoldens.Near(@case, key, [.. batch.Values.Select(v => (double)v)], expected)
                    : CertificateRow.Failed(@case, key,
                        $"found [{string.Join(", ", batch.Shape)}], expected [{string.Join(", ", fixture.Shape($"{@case}/{key}"))}]"),
                "out.pixel_attention_mask" => PictureGoldens.Whole(@case, key, Mask(batch), expected),
                "out.rows" => PictureGoldens.Whole(@case, key, [.. prepared.Select(p => (long)p.Tiles.Rows)], expected),
                "out.cols" => PictureGoldens.Whole(@case, key, [.. prepared.Select(p => (long)p.Tiles.Columns)], expected),
                "out.image_grid_thw"
                    => PictureGoldens.Whole(@case, key, [.. prepared.SelectMany(p => p.PatchGrid is { } g ? new long[] { g.Frames, g.Rows, g.Columns } : [])],
                        expected),
                _ => CertificateRow.Failed(@case, key, "no processor computes it here"),
            };
        }
    }

    /// <summary>1 where a pixel belongs to a frame of its picture.</summary>
    private static long[] Mask(PreparedBatch batch)
    {
        var (frames, plane) = (batch.Shape[1], batch.Shape[^1] * batch.Shape[^2]);
        return [.. batch.Frames.SelectMany(own => Enumerable.Range(0, frames).SelectMany(f => Enumerable.Repeat(f < own ? 1L : 0, plane)))];
    }
}
