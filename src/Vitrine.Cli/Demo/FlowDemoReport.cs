using System.Globalization;
using Vitrine.Mechanisms.Experts;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Demo;

/// <summary>Turns what the demo measured of the policy that flows into a page. Every sentence is decided by the numbers.</summary>
internal static class FlowDemoReport
{
    /// <summary>What was found, in one sentence.</summary>
    public static string Finding(FlowDemoResult demo) => Findings.Sentence(demo.Verdicts(), []);

    public static ReportData Of(FlowDemoResult demo, IReadOnlyList<string> files)
    {
        var (units, heads) = (DemoPictures.NewWorld().Units, demo.Policy.Expert.Shape.Layers * demo.Policy.Expert.Shape.Heads);
        var strongest = DemoPictures.Strongest(demo.Attention);
        return new ReportData
        {
            Title = "A robot policy that flows, *opened*",
            Finding = Finding(demo),
            Lead = "A chunk of actions takes shape out of noise. What the expert that shapes it reads of the prompt, what its neurons write into the action, "
                + "and what happens to the robot when either is changed.",
            Facts =
            [
                new NamedValue("parameters", demo.Policy.Parameters.ToString("N0", CultureInfo.InvariantCulture)),
                new NamedValue("neurons of the expert",
                    (demo.Policy.Expert.Shape.Layers * demo.Policy.Expert.Shape.Neurons).ToString("N0", CultureInfo.InvariantCulture)),
                .. DemoReport.Agreed(demo.Certificates),
                new NamedValue("closed-loop episodes", demo.Studies.Sum(s => s.Arms.Count * s.Layouts).ToString("N0", CultureInfo.InvariantCulture)),
                new NamedValue("success without edits", DemoReport.Percent(demo.Studies[^1].Arms[0].All.Success.Rate)),
            ],
            Statements =
            [
                .. Findings.Statements(demo.Verdicts(), [], units), .. demo.Swaps.Select(swap => Decided(swap, units)), Agreement(demo.Neurons),
                new Statement("One small policy, trained once in one simulated world: nothing here says how a larger policy or a real robot would behave."),
                new Statement("Words, colours and shapes of the tests all occur in its training; the layouts do not."),
                new Statement($"The studies are small ({string.Join(" and ", demo.Studies.Select(s => s.Layouts).Distinct())} layouts an arm): an interval of "
                    + "success that touches zero shows no loss, and excludes none of a few points."),
            ],
            Model = ModelDescription.Of(demo.Policy),
            Pass = PassExample.Of(demo.Policy, demo.Example, demo.ExampleAction),
            Flow = new FlowSummary
            {
                Chunk = new ShownChunk(demo.Course, demo.Policy.ActionSteps)
                {
                    Picture = demo.Example.Picture,
                    Paths = [.. demo.Course.Values.Select(chunk => Path(demo.Example, chunk))],
                    Units = demo.Course.Names.Where(n => n is "dx" or "dy" or "dz").ToDictionary(n => n, _ => units.Length),
                },
                Looks = demo.Looks,
                Neurons = demo.Neurons,
                Swaps = [.. demo.Swaps.Select(swap => new ShownSwap(swap, units.Length))],
            },
            Attention = strongest,
            EveryHead = demo.Attention,
            AttentionRule = $"the {strongest.Count} of {heads} heads of the expert with the largest share of their attention on the picture, mean over "
                + "the rows of the chunk and all flow steps, in the order of layers",
            Study = new StudySummary
            {
                Studies = [.. demo.Studies.Zip(FlowDemoResult.Measures, (study, measure) => new ShownStudy(study, measure))],
                SpeedMeaning = "change of speed, steps 1 to 6",
                HeightMeaning = "change of height, steps 1 to 10",
                Units = units,
                Note = $"{demo.Studies[0].Layouts} layouts an arm; the same layouts, pixel noise and flow noise in every arm; paired bootstrap 95 %, Wilson "
                    + "95 % for success, Holm over the edit arms of a concept. fast: reach, and every arm says a speed word; high: reach, lift.",
            },
            Episodes = demo.Episodes,
            Certificate = DemoReport.Summary(demo.Certificates),
            Provenance = DemoReport.Made(
                $"vitrine demo --policy {demo.Policy.Name}", demo.Policy, demo.Size, demo.Studies, demo.Calibration, files),
            Definitions =
            [
                .. DemoReport.WorldTerms(units),
                new NamedValue(
                    "row of a word", "the place of the prompt where the two instructions differ: its keys and values, which the expert reads in every layer."),
                new NamedValue("alone, and held back", "activation patching of keys and values: the expert reads the row as it is under the other word, state "
                    + "by state (is it sufficient?), or as it is without it where the other word is said (is it necessary?)."),
                new NamedValue("random directions", "the control of a row: its keys and values are moved as far as the other word would move them, but in a "
                    + "random direction."),
                new NamedValue("writes", "what one deviation of a neuron adds to a row of the chunk by its value vector, mean over flow steps, normalised, the "
                    + "final norm’s size left out."),
                new NamedValue("neurons that write up", $"the {demo.Neurons.Neurons.Count} neurons of the expert that write +dz or −dz most, chosen by that "
                    + "alone, each pushed to its side by one deviation at all rows and flow steps."),
                new NamedValue("matched random", "neurons of the same layers with similar deviation and value-vector norm, pushed as far."),
            ],
        };
    }

    /// <summary>Where the gripper would go if these rows were carried out from where it stands.</summary>
    private static IReadOnlyList<PathPoint> Path(Observation seen, IReadOnlyList<IReadOnlyList<double>> chunk)
    {
        var at = seen.State.Values.First().Values;
        var path = new List<PathPoint>();
        var (x, y, z) = (at[0], at[1], at[2]);
        Add();
        foreach (var row in chunk)
        {
            (x, y, z) = (x + row[0], y + row[1], z + row[2]);
            Add();
        }

        return path;

        void Add()
        {
            var (u, v) = TabletopRenderer.InPicture(new Position(x, y, z));
            path.Add(new PathPoint(u, v));
        }
    }

    private static Statement Decided(PrefixSwapResult swap, WorldUnits units)
    {
        var (carrier, random) = (swap.Carrier, swap.Controls.Select(c => c.Range).OfType<Spread>().FirstOrDefault());
        var all = swap.Parts.Single(p => p.Rows == Policies.Flow.SwappedRows.Words && p.Layer is null);
        var state = swap.Parts.FirstOrDefault(p => p.Rows == Policies.Flow.SwappedRows.State && p.Layer is null);
        var share = DemoReport.Percent(carrier.Sufficient.Mean / swap.Word.Mean);
        var row = $"row of *{swap.Other}*, read in layer {swap.At} of the expert, carries {share}";
        return new Statement(
            swap.Class != VerdictClass.Shown ? $"In one decision no layer’s reading of the row of *{swap.Other}* was shown to carry it."
                : state is not null && state.Sufficient.Mean / swap.Word.Mean is var other && other > carrier.Sufficient.Mean / swap.Word.Mean
                    ? $"In one decision *{swap.Other}* reaches the action mostly through the state’s row ({DemoReport.Percent(other)}); the {row}."
                    : $"In one decision the {row} of what the word does.", swap.Class)
        {
            Evidence =
            [
                $"one decision, {swap.States} states, change of the {swap.Metric}: the word {Number(swap.Word)} {units.Length}; its row in layer {swap.At} "
                    + $"{Number(carrier.Sufficient)}, held back {(carrier.Necessary is { } left ? DemoReport.Percent(left.Mean / swap.Word.Mean) : "-")} "
                    + $"remains; in all layers {DemoReport.Percent(all.Sufficient.Mean / swap.Word.Mean)}"
                    + (state is null ? "" : $"; the state’s row {DemoReport.Percent(state.Sufficient.Mean / swap.Word.Mean)}")
                    + (random is null ? "; no random directions"
                        : $"; random directions of the same size {Signed(random.Smallest)} to {Signed(random.Largest)}"),
            ],
        };
    }

    private static Statement Agreement(ExpertComparison found) => new(
        $"That what the expert’s neurons write predicts what they do (r = {Number(found.Trained)}) is no evidence of anything learnt: in the same expert with "
            + $"initial weights r = {Number(found.Untrained)}.");

    private static string Number(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Number(Estimate estimate) => $"{Signed(estimate.Mean)} [{Signed(estimate.Low)}, {Signed(estimate.High)}]";

    private static string Signed(double value) => Output.Signed(value).Replace('-', '−');
}
