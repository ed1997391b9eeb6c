namespace Vitrine.Transformers.Engine;

/// <summary>Whose frames a tower reads: a row of the batch may have several pictures, and a picture several frames (its tiles).</summary>
/// <remarks>Edits name rows of the batch, in towers too: each acts on all frames of its row, or of the pictures that it names.</remarks>
/// <param name="Rows">For each frame, its row of the batch.</param>
/// <param name="Pictures">For each frame, which picture of that row it shows.</param>
public sealed record FrameOwners(IReadOnlyList<int> Rows, IReadOnlyList<int> Pictures)
{
    /// <summary>
    /// Of tokens in one sequence: for each its place among those of its picture, and how many these are. Tokens of a picture stand behind each other.
    /// </summary>
    internal (long[] Places, long[] Counts) WithinPictures()
    {
        var (places, counts, first) = (new long[Rows.Count], new long[Rows.Count], 0);
        for (var i = 0; i < places.Length; i++)
        {
            places[i] = i - first;
            if (i + 1 == places.Length || (Rows[i + 1], Pictures[i + 1]) != (Rows[i], Pictures[i]))
            {
                Array.Fill(counts, places[i] + 1, first, i + 1 - first);
                first = i + 1;
            }
        }

        return (places, counts);
    }
}
