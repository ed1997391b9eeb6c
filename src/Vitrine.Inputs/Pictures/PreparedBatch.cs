namespace Vitrine.Inputs.Pictures;

/// <summary>Prepared pictures side by side, as a model takes them.</summary>
/// <param name="Shape">
/// Pictures x channels x height x width; pictures x frames x channels x height x width where they are split; patches x numbers where they come as patches.
/// </param>
/// <param name="Values">Row-major.</param>
/// <param name="Frames">How many frames of each picture are its own; frames behind them are zero.</param>
public sealed record PreparedBatch(IReadOnlyList<int> Shape, float[] Values, IReadOnlyList<int> Frames)
{
    /// <summary>Stacks pictures.</summary>
    /// <param name="pictures">At least one.</param>
    /// <param name="frames">Whether the model wants an axis of frames although each picture has one.</param>
    /// <exception cref="VitrineException">There is none, or they differ in size.</exception>
    public static PreparedBatch Of(IReadOnlyList<Preparation> pictures, bool frames = false)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        var all = pictures.SelectMany(p => p.Pixels).ToArray();
        if (all.Length == 0 || pictures.Any(p => p.Pixels.Count == 0))
        {
            throw new VitrineException("batch: a picture has no pixels.");
        }

        var (first, patches) = (all[0], pictures[0].PatchGrid is not null);
        var other = Array.Find(all, p => p.Channels != first.Channels || p.Width != first.Width || (!patches && p.Height != first.Height));
        if (other is not null)
        {
            throw new VitrineException($"batch: a picture became {other.Channels} x {other.Height} x {other.Width}, another {first.Channels} x "
                + $"{first.Height} x {first.Width}; they cannot lie in one batch.");
        }

        var counts = pictures.Select(p => p.Pixels.Count).ToArray();
        if (patches)
        {
            return new PreparedBatch([all.Sum(p => p.Height), first.Width], [.. all.SelectMany(p => p.Values)], counts);
        }

        var (most, size) = (counts.Max(), first.Values.Length);
        var values = new float[pictures.Count * most * size];
        for (var i = 0; i < pictures.Count; i++)
        {
            for (var k = 0; k < counts[i]; k++)
            {
                pictures[i].Pixels[k].Values.CopyTo(values, ((i * most) + k) * size);
            }
        }

        int[] one = [first.Channels, first.Height, first.Width];
        return new PreparedBatch(frames || most > 1 ? [pictures.Count, most, .. one] : [pictures.Count, .. one], values, counts);
    }
}
