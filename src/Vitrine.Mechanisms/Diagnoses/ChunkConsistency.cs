using Vitrine.Policies;

namespace Vitrine.Mechanisms.Diagnoses;

/// <summary>Whether consecutive chunks of a policy agree where they overlap: rows that were never carried out, beside what the next chunk says there.</summary>
/// <param name="Apart">Root mean square between the two over their common rows, normalised; one a sequence, or one a pair where there is one sequence.</param>
/// <param name="Noise">The same rows of the next chunk beside themselves under other noise, likewise; 0 for a policy that starts from none.</param>
/// <param name="Pairs">Pairs of consecutive chunks, over all sequences.</param>
/// <param name="Rows">Rows that two consecutive chunks have in common.</param>
public sealed record ChunkConsistency(IReadOnlyList<double> Apart, IReadOnlyList<double> Noise, int Pairs, int Rows)
{
    /// <summary>Acts on sequences and compares.</summary>
    /// <param name="policy">Who acts.</param>
    /// <param name="sequences">What it saw each time that it acted anew, in order, with the noise that it started from.</param>
    /// <param name="carried">Rows of each chunk that were carried out in between.</param>
    /// <param name="seeds">Seeds of other noise, for the floor.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">No sequence has two acts, or chunks are no longer than what is carried out.</exception>
    public static ChunkConsistency Of(
        Policy policy, IReadOnlyList<IReadOnlyList<Turn>> sequences, int carried, int seeds, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(sequences);
        Turn[][] acting = [.. sequences.Where(s => s.Count > 1).Select(s => s.ToArray())];
        if (acting.Length == 0)
        {
            throw new VitrineException("chunks: no sequence has two observations one behind the other; expected at least one.");
        }

        var (apart, noise, rows) = (new List<double[]>(), new List<double[]>(), 0);
        foreach (var turns in acting)
        {
            var chunks = Acted(turns, policy.NoiseOf(turns));
            rows = chunks[0].Normalised.Count - carried;
            if (rows < 1)
            {
                throw new VitrineException(
                    $"chunks: {policy.Name} gives {chunks[0].Normalised.Count} rows and {carried} of them are carried out, so that consecutive chunks have "
                        + "none in common.");
            }

            var others = policy.NoiseShape is null ? [] : Enumerable.Range(1, seeds)
                .Select(s => Acted(turns, ActNoise.OfSeeds([.. turns.Select(t => t.NoiseSeed + s)]))).ToArray();
            apart.Add([.. Enumerable.Range(1, turns.Length - 1).Select(i => Far(chunks[i - 1], carried, chunks[i], rows))]);
            noise.Add([.. Enumerable.Range(1, turns.Length - 1).Select(i => others.Select(o => Far(o[i], 0, chunks[i], rows)).DefaultIfEmpty(0).Average())]);
        }

        return new ChunkConsistency(Units(apart), Units(noise), apart.Sum(a => a.Length), rows);

        IReadOnlyList<PolicyAction> Acted(Turn[] turns, ActNoise? from)
        {
            using var run = policy.Act([.. turns.Select(t => t.Seen)], options: new ActOptions { Noise = from }, cancellation: cancellation);
            return run.Actions;
        }

        static double[] Units(List<double[]> of) => of.Count > 1 ? [.. of.Select(s => s.Average())] : of[0];
    }

    private static double Far(PolicyAction before, int from, PolicyAction after, int rows)
        => Math.Sqrt(before.Normalised.Skip(from).Take(rows).Zip(after.Normalised)
            .SelectMany(r => r.First.Zip(r.Second, (a, b) => (a - b) * (a - b))).Average());
}
