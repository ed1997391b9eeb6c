using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Diagnoses;

/// <summary>What a policy really uses of what it is given: instruction, cameras and state changed one at a time, beside what other noise does.</summary>
/// <param name="policy">Who acts.</param>
/// <param name="observations">At least two, with different instructions, pictures and states.</param>
/// <remarks>
/// Everything but what is changed is the same, the noise too. A change that moves the chunk no further than other noise does says nothing.
/// </remarks>
public sealed class Diagnosis(Policy policy, IReadOnlyList<Observation> observations)
{
    private const string InstructionPart = "instruction", NoisePart = "noise";

    /// <summary>Words that mean alike, for the paraphrase.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Synonyms { get; init; } = Rewording.Synonyms;

    /// <summary>Seeds of other noise, for the floor.</summary>
    public int Seeds { get; init; } = 4;

    /// <summary>Of orders of words.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Acts under every change.</summary>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>The floor first, 0 for a policy that starts from no noise; where in the chunk noise matters; then every change.</returns>
    /// <exception cref="VitrineException">There are fewer than two observations, or the policy refuses them as they are.</exception>
    public IReadOnlyList<DiagnosisTrial> Run(IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        if (observations.Count < 2)
        {
            throw new VitrineException($"diagnose: {observations.Count} observations; expected at least two, to put parts of one into another.");
        }

        var plain = Acted(observations, noise: null);
        var trials = new List<DiagnosisTrial>(Floor(plain));
        (string About, string What, Func<Observation, int, Observation> Change)[] changes = [.. Instructions(), .. Cameras(), .. States()];
        foreach (var (about, what, change) in changes)
        {
            Observation[] changed = [.. observations.Select(change)];
            var example = about == InstructionPart ? changed[0].Instruction : "";
            try
            {
                trials.Add(new DiagnosisTrial(about, what, example, Far(Acted(changed, noise: null), plain)));
            }
            catch (VitrineException e) when (e is not NonFiniteException)
            {
                trials.Add(new DiagnosisTrial(about, what, example, []) { Refused = e.Message });
            }

            progress?.Report((double)trials.Count / (changes.Length + 3));
        }

        return trials;

        IReadOnlyList<PolicyAction> Acted(IReadOnlyList<Observation> seen, ActNoise? noise)
        {
            using var run = policy.Act(seen, options: new ActOptions { Noise = noise }, cancellation: cancellation);
            return run.Actions;
        }

        IEnumerable<DiagnosisTrial> Floor(IReadOnlyList<PolicyAction> of)
        {
            if (policy.NoiseShape is null)
            {
                return [new DiagnosisTrial(NoisePart, "the same again", "", Far(Acted(observations, noise: null), of))];
            }

            var other = Enumerable.Range(1, Seeds).Select(s => Acted(observations, ActNoise.OfSeed(1000 + s))).ToArray();
            var last = of[0].Normalised.Count - 1;
            return last == 0
                ? [Between("other seeds", 0, 1)]
                : [Between("other seeds", 0, last + 1), Between("other seeds, first row of the chunk", 0, 1), Between("other seeds, last row", last, 1)];

            DiagnosisTrial Between(string what, int first, int rows)
            {
                var far = other.Select(a => Far(Part(a, first, rows), Part(of, first, rows))).ToArray();
                return new DiagnosisTrial(NoisePart, $"{Seeds} {what}", "", [.. observations.Select((_, i) => far.Average(f => f[i]))]);
            }
        }
    }

    private static IReadOnlyList<PolicyAction> Part(IReadOnlyList<PolicyAction> actions, int first, int rows)
        => [.. actions.Select(a => a with { Normalised = [.. a.Normalised.Skip(first).Take(rows)] })];

    /// <summary>How far chunks lie apart, observation by observation: root mean square over rows and numbers, normalised.</summary>
    private static double[] Far(IReadOnlyList<PolicyAction> a, IReadOnlyList<PolicyAction> b)
        => [.. a.Zip(b, (x, y) => Math.Sqrt(x.Normalised.Zip(y.Normalised).SelectMany(r => r.First.Zip(r.Second, (p, q) => (p - q) * (p - q))).Average()))];

    private IEnumerable<(string, string, Func<Observation, int, Observation>)> Instructions()
    {
        (string What, Func<string, int, string> Said)[] ways =
        [
            ("none (a full stop alone)", (_, _) => "."),
            ("that of another observation", (own, i) => Other(i, o => o.Instruction != own).Instruction),
            ("words shuffled", (own, i) => Rewording.Shuffled(own, Seed + i)),
            ("words reversed", (own, _) => Rewording.Reversed(own)),
            ("vaguer", (own, _) => Rewording.Vaguer(own)),
            ("paraphrased", (own, _) => Rewording.Paraphrased(own, Synonyms)),
            ("a full stop more", (own, _) => $"{own}."),
            ("in capitals", (own, _) => own.ToUpperInvariant()),
        ];
        return ways.Select(w => (InstructionPart, w.What, (Func<Observation, int, Observation>)((o, i) => o with { Instruction = w.Said(o.Instruction, i) })));
    }

    private IEnumerable<(string, string, Func<Observation, int, Observation>)> Cameras()
    {
        string[] names = [.. observations[0].Cameras.Keys];
        foreach (var name in names)
        {
            if (names.Length > 1)
            {
                yield return ($"camera {name}", "left out", (o, _) => o with { Cameras = o.Cameras.Where(c => c.Key != name).ToDictionary() });
            }

            yield return ($"camera {name}", "grey", (o, _) => Seeing(o, name, Picture.Plain(o.Cameras[name].Width, o.Cameras[name].Height, (128, 128, 128))));
            yield return ($"camera {name}", "that of another observation", (o, i) => Seeing(o, name, Other(i, _ => true).Cameras[name]));
        }

        static Observation Seeing(Observation of, string name, Picture picture)
            => of with { Cameras = new Dictionary<string, Picture>(of.Cameras) { [name] = picture } };
    }

    private IEnumerable<(string, string, Func<Observation, int, Observation>)> States()
    {
        foreach (var name in observations[0].State.Keys)
        {
            var all = observations.Select(o => o.State[name].Values).ToArray();
            var mean = all[0].Select((_, d) => all.Average(v => v[d])).ToArray();
            var most = all[0].Select((_, d) => all.Max(v => v[d]) + (2 * (all.Max(v => v[d]) - all.Min(v => v[d])))).ToArray();
            yield return (name, "frozen at its mean", (o, _) => With(o, name, mean));
            yield return (name, "that of another observation", (o, i) => With(o, name, Other(i, _ => true).State[name].Values));
            yield return (name, "out of range (two ranges above the largest)", (o, _) => With(o, name, most));
        }

        static Observation With(Observation of, string name, IReadOnlyList<double> values)
            => of with { State = new Dictionary<string, StateVector>(of.State) { [name] = of.State[name] with { Values = values } } };
    }

    /// <summary>The next observation that will do; the next one where none does.</summary>
    private Observation Other(int i, Func<Observation, bool> isWanted)
        => Enumerable.Range(1, observations.Count - 1).Select(n => observations[(i + n) % observations.Count]).FirstOrDefault(isWanted)
            ?? observations[(i + 1) % observations.Count];
}
