using Vitrine.Certification.Certified;
using Vitrine.Inputs.Pictures;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Certification.Models;

/// <summary>
/// Certifies models that read pictures and texts: prepared pictures, every point of every case in tower, projector and decoder, positions, generated ids and
/// logits.
/// </summary>
internal sealed class VisionLanguageCertifier : ICertifier
{
    private const string Pixels = "in.pixel_values", Learned = "vision.position_ids", WindowIndex = "vision.window_index",
        WindowBounds = "vision.cu_window_seqlens";

    /// <inheritdoc/>
    public bool Knows(Fixture fixture)
        => fixture is not null && KnownFamilies.Of(fixture.Family) is { Kind: FamilyKind.VisionLanguage }
            && File.Exists(Path.Combine(fixture.Folder, "config.json"));

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using var model = TextModel.Open(fixture.Folder);
        foreach (var @case in fixture.Meta.GetProperty("cases").EnumerateArray().Select(c => c.GetString()!))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            foreach (var row in Case(model, fixture, @case, cancellation).ToArray())
            {
                yield return row;
            }
        }
    }

    /// <summary>A case's prompts with its prepared pictures.</summary>
    internal static TokenBatch Batch(Fixture fixture, string @case)
    {
        var segments = fixture.Has($"{@case}/in.token_type_ids") ? fixture.Rows($"{@case}/in.token_type_ids") : null;
        var batch = TokenBatch.Masked(fixture.IdRows($"{@case}/in.input_ids"), fixture.Rows($"{@case}/in.attention_mask"), segments: segments);
        return batch.With(Pictures(fixture, @case, batch.Ids.Count));
    }

    private static IEnumerable<CertificateRow> Case(TextModel model, Fixture fixture, string @case, CancellationToken cancellation)
    {
        var keys = fixture.KeysOf(@case);
        var batch = Batch(fixture, @case);
        var own = TextCertifier.OwnPositions(batch);
        foreach (var row in Prepared(model, fixture, @case, keys).Concat(Places(model, fixture, @case, keys, batch)))
        {
            yield return row;
        }

        string[] points = [.. keys.Where(k => model.Stacks.SelectMany(s => s.Places()).Any(p => p.ToString() == k))];
        using var run = model.Run(batch, RunPlan.Capturing(points));
        foreach (var key in points)
        {
            var (address, expected) = (Address.Parse(key), fixture.Read($"{@case}/{key}"));
            // A tower that reads all pictures as one sequence hands its tokens on without an axis of rows.
            var found = run[key].numel() == expected.numel() ? run[key].reshape(expected.shape) : run[key];
            var isOfParts = address.Point == Point.AttnScores && model.Towers[0].Specs[address.Layer ?? 0].Attention.Mask != AttentionMask.Full
                && address.Stack == model.Towers[0].Shape.Name;
            yield return Comparison.Of(
                @case, key, found, expected, address.Stack == model.Language.Shape.Name ? TextCertifier.Valid(address.Point, found, own)
                    : isOfParts ? expected.ne(0)
                    : null) with
            {
                Note = isOfParts ? "where the reference computes scores: within a window, or within a picture" : "",
            };
        }

        foreach (var key in keys.Except([.. points, Learned, WindowIndex, WindowBounds]).Where(k => !IsInput(k)))
        {
            yield return CertificateRow.Failed(@case, key, "the golden names what this version does not compute");
        }

        if (keys.Contains("out.generated_ids"))
        {
            var expected = fixture.Rows($"{@case}/out.generated_ids");
            using var generation = model.Generate(batch, expected[0].Length, cancellation: cancellation);
            yield return Comparison.Ids(@case, "out.generated_ids", generation.Ids.SelectMany(r => r), expected.SelectMany(r => r));
            yield return Comparison.Of(@case, "out.generated_logits", generation.Run.Logits, fixture.Read($"{@case}/out.generated_logits"));
        }
    }

    /// <summary>The pictures of a case, prepared as the model's own recipe says, against the reference's pixels.</summary>
    private static IEnumerable<CertificateRow> Prepared(TextModel model, Fixture fixture, string @case, IReadOnlyList<string> keys)
    {
        string[] pictures = [.. keys.Where(k => k.StartsWith("in.image", StringComparison.Ordinal) && char.IsAsciiDigit(k[^1])).Order(StringComparer.Ordinal)];
        if (pictures.Length == 0)
        {
            yield break;
        }

        var expected = fixture.Read($"{@case}/{Pixels}");
        var recipe = expected.dim() == 5 ? model.Recipe.Tiled(expected.shape[1] > 1) : model.Recipe;
        var prepared = pictures.Select(k => recipe.Prepare(Picture(fixture, $"{@case}/{k}"))).ToArray();
        float[] found = [.. prepared.SelectMany(p => p.Pixels).SelectMany(p => p.Values)];
        yield return found.LongLength == expected.numel()
            ? Comparison.Of(@case, Pixels, tensor(found, expected.shape), expected)
            : CertificateRow.Failed(@case, Pixels, $"{found.LongLength} numbers, expected {expected.numel()}");
    }

    /// <summary>Positions and other whole numbers, where the reference's own tokens have them.</summary>
    private static IEnumerable<CertificateRow> Places(TextModel model, Fixture fixture, string @case, IReadOnlyList<string> keys, TokenBatch batch)
    {
        var placed = model.PositionsOf(batch);
        if (keys.Contains("in.position_ids"))
        {
            var expected = fixture.Integers($"{@case}/in.position_ids");
            var axes = placed.Axes;
            var tokens = batch.Ids.Count * batch.Ids[0].Count;
            var pairs = axes.SelectMany((axis, a) => axis.SelectMany((row, r) => row.Select((position, t) => (
                Found: position, Expected: expected[Index(a, r, t)], IsOwn: batch.Positions[r][t] >= 0)))).Where(p => p.IsOwn).ToArray();
            yield return Comparison.Ids(@case, "in.position_ids", pairs.Select(p => p.Found), pairs.Select(p => p.Expected));

            // One row of positions stands for all rows.
            int Index(int axis, int row, int token)
                => (axis * (expected.Length / axes.Count)) + (expected.Length / axes.Count == tokens ? (row * batch.Ids[0].Count) + token : token);
        }

        if (keys.Contains(Learned))
        {
            var learned = batch.Pictures!.SelectMany(row => row).SelectMany(model.Towers[0].LearnedPositions).SelectMany(frame => frame);
            yield return Comparison.Ids(@case, Learned, learned, fixture.Integers($"{@case}/{Learned}"));
        }

        if (keys.Contains(WindowIndex))
        {
            var pictures = batch.Pictures!.SelectMany(row => row).ToArray();
            var places = model.Towers[0].Places(pictures);
            var (side, expected) = (Merge(fixture, @case), fixture.Integers($"{@case}/{WindowIndex}"));
            long[] blocksOf = [.. pictures.Select(p => (long)p.PatchGrid!.Value.Rows * p.PatchGrid.Value.Columns / (side * side))];
            var found = places.Tokens.Where((_, i) => i % (side * side) == 0).Select(t => blocksOf.Take(t.Picture).Sum()
                + (t.Row / side * (pictures[t.Picture].PatchGrid!.Value.Columns / side)) + (t.Column / side));
            yield return Comparison.Ids(@case, WindowIndex, found, expected);
            var end = 0L;
            yield return Comparison.Ids(@case, WindowBounds, [0, .. places.Windows.Select(w => end += w)], fixture.Integers($"{@case}/{WindowBounds}"));
        }

        if (keys.Contains("out.rope_deltas"))
        {
            yield return Comparison.Ids(@case, "out.rope_deltas", placed.Ahead, fixture.Integers($"{@case}/out.rope_deltas"));
        }
    }

    private static Preparation[][] Pictures(Fixture fixture, string @case, int rows)
    {
        using var pixels = fixture.Read($"{@case}/{Pixels}");
        var values = pixels.contiguous().data<float>().ToArray();
        int[] shape = [.. pixels.shape.Select(s => (int)s)];
        return shape switch
        {
            [_, var numbers] => Cut(fixture, @case, values, numbers, rows),
            [_, var c, var h, var w] => [.. values.Chunk(c * h * w).Select(v => (Preparation[])[Seen([new Pixels(c, h, w, v)])])],
            [_, var frames, var c, var h, var w] =>
            [
                .. values.Chunk(frames * c * h * w).Select((row, r) => (Preparation[])
                [
                    Seen([.. row.Chunk(c * h * w).Select(v => new Pixels(c, h, w, v))]) with { Shown = Shown(fixture, @case, frames, h, w, r) },
                ]),
            ],
            _ => throw new VitrineException($"{fixture.Folder}: {@case}/{Pixels} has {shape.Length} axes; of {rows} rows."),
        };
    }

    /// <summary>Patches of all pictures, one behind the other; a row has as many of them as its placeholders ask for.</summary>
    private static Preparation[][] Cut(Fixture fixture, string @case, float[] values, int numbers, int rows)
    {
        var (side, at) = (Merge(fixture, @case), 0);
        var pictures = new Queue<Preparation>(fixture.Rows($"{@case}/in.image_grid_thw").Select(grid =>
        {
            var (frames, down, across) = ((int)grid[0], (int)grid[1], (int)grid[2]);
            var cut = values[at..(at += frames * down * across * numbers)];
            return Seen([new Pixels(1, frames * down * across, numbers, cut)]) with { PatchGrid = (frames, down, across) };
        }));
        return [.. fixture.Rows($"{@case}/in.mm_token_type_ids").Take(rows).Select(row =>
        {
            var own = new List<Preparation>();
            for (var left = row.Count(type => type == 1); left > 0; left -= own[^1].Pixels[0].Height / (side * side))
            {
                own.Add(pictures.Dequeue());
            }

            return own.ToArray();
        })];
    }

    /// <summary>Patches on a side of a merged block: all patches over all placeholders.</summary>
    private static int Merge(Fixture fixture, string @case)
        => (int)Math.Sqrt(fixture.Shape($"{@case}/{Pixels}")[0] / fixture.Integers($"{@case}/in.mm_token_type_ids").Count(type => type == 1));

    private static Preparation Seen(IReadOnlyList<Pixels> pixels) => new() { Frames = [], Pixels = pixels };

    /// <summary>What of each frame the mask shows; none where it shows all of every frame.</summary>
    private static (int Height, int Width)[] Shown(Fixture fixture, string @case, int frames, int height, int width, int row)
    {
        const string Mask = "in.pixel_attention_mask";
        if (!fixture.Has($"{@case}/{Mask}"))
        {
            return [];
        }

        var shown = fixture.Integers($"{@case}/{Mask}").Chunk(height * width).Skip(row * frames).Take(frames)
            .Select(f => (Height: f.Where((_, i) => i % width == 0).Count(v => v != 0), Width: f.Take(width).Count(v => v != 0))).ToArray();
        return shown.All(s => s == (height, width)) ? [] : shown;
    }

    private static Picture Picture(Fixture fixture, string key)
    {
        using var image = fixture.Read(key);
        return new Picture((int)image.shape[1], (int)image.shape[0], image.contiguous().data<byte>().ToArray());
    }

    private static bool IsInput(string key)
        => key.StartsWith("in.", StringComparison.Ordinal) || key.StartsWith("out.", StringComparison.Ordinal);
}
