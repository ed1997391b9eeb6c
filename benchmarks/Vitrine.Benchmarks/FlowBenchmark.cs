using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>
/// One chunk of a full-size SmolVLA with random numbers beside its matrix products, with the whole expert kept, without one camera, and eight clamped variants
/// of one observation; in one run and in turns.
/// </summary>
internal static class FlowBenchmark
{
    private const int Variants = 8;

    public static void Run(Arguments arguments)
    {
        var folder = arguments.Text("--dir") ?? Path.Combine(Path.GetTempPath(), "vitrine-smolvla");
        SmolVlaCheckpoint.Write(folder, arguments.Needed("--like"));
        set_num_threads(arguments.Number("--threads", 1));
        using var memory = new MemoryWatch();
        using var policy = (FlowPolicy)Policy.Open(folder, ModelOptions.Default with { Untrained = _ => true });
        var seen = new Observation(
            policy.Cameras.ToDictionary(c => c, _ => new Picture(512, 512, [.. Enumerable.Range(0, 512 * 512 * 3).Select(i => (byte)(i * 31))])),
            "pick up the red block")
        {
            State = new Dictionary<string, StateVector> { ["state"] = new([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) },
        };
        var without = seen with { Cameras = seen.Cameras.Take(policy.Cameras.Count - 1).ToDictionary() };
        var shape = policy.Expert.Shape;
        var all = new RunPlan { Capture = [$"{shape.Name}.*.mlp.neurons@*", $"{shape.Name}.*.resid_post@*"] };
        RunPlan[] clamps = [.. Enumerable.Range(0, Variants).Select(v => RunPlan.Editing(
            new Clamp(new NeuronSet(Enumerable.Range(0, 10).Select(i => new Neuron(v, 100 * i)), shape.Name), 1)))];
        var clamped = RunPlan.ForRows(clamps);
        Action[] works =
        [
            () => policy.Products([seen]),
            () => policy.Act([seen]).Dispose(),
            () => policy.Act([seen], all).Dispose(),
            () => policy.Act([without]).Dispose(),
            () =>
            {
                using var prefix = policy.Read([seen]);
                policy.Act(prefix, clamped).Dispose();
            },
        ];
        works[1]();
        var rounds = Enumerable.Range(0, arguments.Number("--rounds", 3)).Select(_ => works.Select(Measured.Of).ToArray()).ToArray();
        var layout = policy.Layout([seen]).Rows[0];
        Console.WriteLine($"SmolVLA's shape, random: {policy.Cameras.Count} cameras of 512 x 512, {layout.Words.Count} words, chunk of {policy.Horizon}, "
            + $"{policy.FlowSteps} flow steps, {get_num_threads()} thread(s), {rounds.Length} rounds in turns; processor seconds (wall), medians; {memory}");
        string[] names = ["its matrix products alone", "one chunk", "the same, the whole expert kept", "without one camera", $"{Variants} clamped variants"];
        foreach (var (i, name) in names.Index())
        {
            var own = Measured.Median(rounds.Select(r => r[i].Processor));
            Console.WriteLine(FormattableString.Invariant(
                $"{name}: {own:0.00} s ({Measured.Median(rounds.Select(r => r[i].Wall)):0.00} s); {Ratio(i, 0)} of the products, {Ratio(i, 1)} of one chunk"));
        }

        var phases = policy.Products([seen]).Phases;
        Console.WriteLine(FormattableString.Invariant($"of the products, wall: pictures {phases[0].Seconds:0.00} s, prefix {phases[1].Seconds:0.00} s, ")
            + FormattableString.Invariant($"flow steps {phases.Skip(2).Sum(p => p.Seconds):0.00} s"));

        string Ratio(int of, int to) => FormattableString.Invariant($"{Measured.Median(rounds.Select(r => r[of].Processor / r[to].Processor)):0.00}");
    }
}
