using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.Experts;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Worlds;

namespace Vitrine.Cli.Commands;

/// <summary>
/// <c>concepts POLICY --direction +z</c>: neurons of an expert by what they write into the action, beside what they do and beside an untrained expert.
/// </summary>
internal sealed class ExpertOptions
{
    /// <summary>States that effects are measured in.</summary>
    private const int States = 8;

    private readonly Option<string?> direction = new("--direction")
    {
        Description = "Search the expert of a policy that flows by a direction of action: +z, -dx, \"close gripper\".",
    };
    private readonly Option<int?> flowStep = new("--flow-step")
    {
        Description = "With --direction: read at this flow step; the mean over all by default.",
    };
    private readonly Option<string?> observations = new("--observations")
    {
        Description = "With --direction: JSON list of observations to measure in; those of the policy's world by default.",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[direction, flowStep, observations])
        {
            command.Add(option);
        }
    }

    /// <summary>Whether a direction is searched for.</summary>
    public bool IsAsked(ParseResult parsed) => parsed.GetValue(direction) is not null;

    /// <summary>Searches, measures and prints.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="model">Any; others than flow policies are refused.</param>
    /// <param name="asked">What the command asks for besides.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public async Task<int> RunAsync(ParseResult parsed, Model model, ExpertAsked asked, CancellationToken cancellation)
    {
        if (model is not FlowPolicy policy)
        {
            throw new VitrineException($"{model.Name}: is a {model.Family} model; --direction asks for a policy whose expert flows (SmolVLA, pi0, pi0.5).");
        }

        var towards = ActionDirection.Parse(parsed.GetValue(direction)!, policy.ActionNames);
        var source = parsed.GetValue(observations) is { } file ? StateSource.Of(Observations.Read(file))
            : StateSource.WorldOf(policy) is { } world ? StateSource.OfWorld(world, (ulong)asked.Seed)
            : null;
        var step = parsed.GetValue(flowStep);
        if (source is null)
        {
            var read = ExpertReading.Of(policy, calibration: null, step).Along(towards, asked.Count, asked.Layers);
            Print(policy, towards, read, effects: null, asked.Json);
            Output.Warn(["no world is known of this policy: a unit of each neuron is read, and no effect measured; --observations FILE names situations"]);
            Save(policy, towards, read, asked.Save);
            return 0;
        }

        var found = await Output.WithProgressAsync("reading and measuring the expert", p => Task.FromResult(Measure(p))).ConfigureAwait(false);
        Print(policy, towards, found.Neurons, found.Effects, asked.Json);
        if (!asked.Json)
        {
            Console.WriteLine(
                $"read-outs and effects agree with r = {Number(found.Trained)} over {found.Sampled} random neurons, and in the same expert with initial "
                + $"weights with r = {Number(found.Untrained)}: that they agree says nothing of what was learnt");
        }

        Save(policy, towards, found.Neurons, asked.Save);
        return 0;

        ExpertComparison Measure(IProgress<double> progress)
        {
            using var initial = FlowPolicy.OpenUntrained(asked.Name, asked.Opening);
            var question = new ExpertQuestion(towards, asked.Count, source.ForCalibration(), source.ForTest(States), asked.Seed)
            {
                Layers = asked.Layers,
                Step = step,
            };
            return ExpertComparison.Of(policy, initial, question, progress, cancellation);
        }
    }

    private static void Print(
        FlowPolicy policy, ActionDirection direction, IReadOnlyList<ExpertNeuron> read, IReadOnlyList<IReadOnlyList<double>>? effects, bool json)
    {
        if (json)
        {
            Output.Write(read.Select((n, i) => new
            {
                n.Neuron.Layer,
                n.Neuron.Index,
                Score = n.Along(direction),
                Reads = policy.ActionNames.Zip(n.Read).ToDictionary(p => p.First, p => p.Second),
                Effects = effects is null ? null : policy.ActionNames.Zip(effects[i]).ToDictionary(p => p.First, p => p.Second),
            }));
            return;
        }

        var name = policy.ActionNames[direction.Dimension];
        var measured = effects is null ? Array.Empty<string>() : [$"effect on {direction.Name}"];
        var table = Output.Table(["neuron", $"writes {direction.Name}", .. measured, .. policy.ActionNames.Where(n => n != name).Select(n => $"writes {n}")]);
        foreach (var (i, neuron) in read.Index())
        {
            var others = neuron.Read.Where((_, d) => d != direction.Dimension).Select(Output.Signed);
            string[] effect = effects is null ? [] : [Output.Signed(direction.Sign * effects[i][direction.Dimension])];
            table.Add([$"{policy.Expert.Shape.Name}.{neuron.Neuron}", Output.Signed(neuron.Along(direction)), .. effect, .. others]);
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"writes: what {(effects is null ? "one unit" : "one deviation")} of the neuron adds to a row of the chunk by its value vector, "
            + "normalised, the final norm's size left out"
            + (effects is null ? "" : $"; effect: mean change of the chunk with one deviation more at every row and flow step, {States} situations"));
    }

    private static void Save(FlowPolicy policy, ActionDirection direction, IReadOnlyList<ExpertNeuron> read, string? path)
    {
        if (path is null)
        {
            return;
        }

        var name = policy.ActionNames[direction.Dimension];
        (string Name, IEnumerable<ExpertNeuron> Neurons)[] sides =
        [
            ($"more_{name}", read.Where(n => n.Read[direction.Dimension] > 0)), ($"less_{name}", read.Where(n => n.Read[direction.Dimension] <= 0)),
        ];
        AtomicFile.WriteAllText(path, NeuronSetFile.Write(
            sides.Where(s => s.Neurons.Any()).ToDictionary(s => s.Name, s => new NeuronSet(s.Neurons.Select(n => n.Neuron), policy.Expert.Shape.Name)),
            policy.Fingerprint));
    }

    private static string Number(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
}

/// <summary>What a search by direction takes from the command's other options.</summary>
/// <param name="Name">Of the policy, as the user wrote it.</param>
/// <param name="Opening">How it is opened.</param>
/// <param name="Count">Neurons to list.</param>
/// <param name="Layers">Layers to look in.</param>
/// <param name="Seed">Of the situations and of the sample.</param>
/// <param name="Save">File for the neurons; none when null.</param>
/// <param name="Json">Whether JSON is printed.</param>
internal sealed record ExpertAsked(string Name, ModelOptions Opening, int Count, IReadOnlyCollection<int> Layers, int Seed, string? Save, bool Json);
