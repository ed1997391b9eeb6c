using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Views;
using Vitrine.Worlds.Statistics;
using Vitrine.Worlds.Studies;
using ArmKind = Vitrine.Worlds.Studies.ArmKind;

namespace Vitrine.Cli.Demo;

/// <summary>Turns what the demo measured into a page. Every sentence is decided by the numbers.</summary>
internal static class DemoReport
{
    public static ReportData Of(DemoResult demo, IReadOnlyList<string> files)
    {
        var shown = Statements(demo).ToArray();
        return new ReportData
        {
            Title = "A robot policy *opened*",
            Lead = "What the feed-forward neurons of a vision-language-action model write, which of them spell a concept, what happens when they are held while the robot moves, and what really carries the concept.",
            Facts =
            [
                new NamedValue("parameters", demo.Policy.Parameters.ToString("N0", CultureInfo.InvariantCulture)),
                new NamedValue("value vectors read", (demo.Policy.Language.Shape.Layers * demo.Policy.Language.Shape.Neurons).ToString("N0", CultureInfo.InvariantCulture)),
                new NamedValue("reference points that agree", $"{demo.Certificates.Sum(c => c.Rows.Count(r => r.Passed))} of {demo.Certificates.Sum(c => c.Rows.Count)}"),
                new NamedValue("closed-loop episodes", demo.Studies.Sum(s => s.Arms.Count * s.Layouts).ToString("N0", CultureInfo.InvariantCulture)),
                new NamedValue("success without edits", Percent(demo.Studies[0].Arms[0].All.Success.Rate)),
            ],
            Shown = [.. shown.Where(s => s.IsEffect == true)],
            NotShown =
            [
                .. shown.Where(s => s.IsEffect != true),
                new Statement("One small policy, trained once in one simulated world: nothing here says how a larger policy or a real robot would behave."),
                new Statement("Words, colours and shapes of the tests all occur in its training; the layouts do not."),
                new Statement($"The study is small ({demo.Studies[0].Layouts} layouts an arm). Success of this policy hangs on a gripper that must close at the right step, so random edits also change it: read success beside the random draws."),
            ],
            Model = Model(demo.Policy),
            Pass = Pass(demo),
            LayerProfile = new LayerProfile
            {
                Stack = demo.Policy.Language.Shape.Name,
                Rule = "at least 4 of the top 30 tokens belong to one word list",
                Rows = [.. demo.Profile.Select(r => new LayerProfileRow(r.Layer, r.Patterned, r.Shuffled, r.ActionTokens))],
            },
            Concepts = [.. DemoConcept.All.Select(c => Cluster(demo, c))],
            Attention = demo.Attention,
            OneStep = [.. demo.OneStep.Select(Effect)],
            Study = new StudySummary
            {
                Rows = [.. demo.Studies.SelectMany(Rows)],
                SpeedMeaning = "change of speed, steps 1 to 6",
                HeightMeaning = "change of height, steps 1 to 10",
                Note = $"{demo.Studies[0].Layouts} layouts an arm; the same layouts and pixel noise in every arm; paired bootstrap 95 %, Wilson 95 % for success, Holm over the edit arms of a concept. fast: reach, lift, push; high: reach, lift.",
            },
            Episodes = demo.Episodes,
            Certificate = new CertificateSummary
            {
                Bound = 5e-5,
                Folders = [.. demo.Certificates.Select(c => new CertificateFolder(Path.GetFileName(c.Folder.TrimEnd('/')), c.Rows.Count, c.LargestRelativeError, c.Passed))],
            },
            Provenance = new Provenance
            {
                Command = "vitrine demo",
                Seed = demo.Size.Seed.ToString(CultureInfo.InvariantCulture),
                Fingerprint = demo.Policy.Fingerprint,
                Counts =
                [
                    new NamedValue("states of each one-step table", $"{demo.Size.States} to select on, {demo.Size.States} others to test on"),
                    new NamedValue("layouts of each arm", $"{demo.Studies[0].Layouts}"),
                    new NamedValue("random draws of each control", $"{demo.Size.Draws}"),
                    new NamedValue("calibration samples a neuron", $"{demo.Calibration.Samples}"),
                ],
                Versions =
                [
                    new NamedValue("vitrine", Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? ""),
                    new NamedValue(".NET", RuntimeInformation.FrameworkDescription),
                    new NamedValue("TorchSharp", typeof(TorchSharp.torch).Assembly.GetName().Version?.ToString() ?? ""),
                ],
                Files = files,
            },
            Definitions =
            [
                new NamedValue("speed", "displacement of the gripper per control step over the first 6 steps: it does not depend on how long an episode lasts."),
                new NamedValue("height", "mean height of the gripper after steps 1 to 10."),
                new NamedValue("success", "of the task *as it is said without the word*: who obeys `high` may pass the height that the unworded task asks for."),
                new NamedValue("lexical clamp", "the neurons whose value vectors spell the concept, held at their natural mean plus 4 deviations at every position."),
                new NamedValue("mean difference", "what the word changes on average in a component's output, added where actions are decided."),
                new NamedValue("interchange", "a component's output put in from the run with the word, state by state (sufficient), or held at the run without it (necessary)."),
                new NamedValue("matched random", "neurons of the same layers with similar deviation and value-vector norm that spell nothing, at the same dose."),
            ],
        };
    }

    private static ModelDescription Model(Policy policy) => new()
    {
        Name = "embedded:tabletop",
        Stacks =
        [
            .. policy.Stacks.Where(s => s.Layers > 0).Select(s => new StackDescription
            {
                Name = s.Name,
                Role = s.Vocabulary > 0 ? StackRole.Language : StackRole.Vision,
                Layers = s.Layers,
                Width = s.Width,
                Heads = s.Heads,
                Neurons = s.Neurons,
                Vocabulary = s.Vocabulary > 0 ? s.Vocabulary : null,
                Parameters = policy.ParametersOfStack(s.Name),
            }),
        ],
    };

    private static PassExample Pass(DemoResult demo)
    {
        var (action, tokens) = (demo.ExampleAction, demo.ExampleAction.Tokens!);
        var parts = demo.OneStep[0];
        return new PassExample
        {
            Picture = demo.Example.Picture,
            PatchRows = demo.Policy.Towers[0].Grid,
            PatchColumns = demo.Policy.Towers[0].Grid,
            Instruction = demo.Example.Instruction,
            PromptTokens = DemoPictures.Words(demo.Policy, demo.Policy.Layout([demo.Example]).Rows[0]),
            ActionTokens =
            [
                .. action.Values.Select((value, d) => new ActionToken
                {
                    Dimension = demo.Policy.ActionNames[d],
                    Token = demo.Tokens.Print((int)tokens.TokenIds[d]),
                    Value = value,
                    Probability = tokens.Probability[d],
                    EntropyBits = tokens.Entropy[d] / Math.Log(2),
                }),
            ],
            Contributions =
            [
                .. Enumerable.Range(0, demo.Policy.Language.Shape.Layers).Select(l => new BlockContribution(l, Share(Component.Attention, l), Share(Component.FeedForward, l))),
            ],
            ContributionMeaning = $"share of the effect of the word '{DemoConcept.All[0].Word}' that the part carries by itself, put in state by state",
        };

        double Share(Component component, int layer) => parts.Parts.Single(p => p.Component == component && p.Layer == layer).Sufficient.Mean / parts.Prompt.Mean;
    }

    private static ConceptCluster Cluster(DemoResult demo, DemoConcept concept)
    {
        var words = demo.Words.Single(w => w.Name == concept.Name);
        var ids = words.Ids(demo.Tokens);
        return new ConceptCluster
        {
            Concept = concept.Name,
            Words = words.Words,
            Neurons =
            [
                .. demo.Clusters[concept.Name].Select(n =>
                {
                    var reading = demo.Readings[n.Neuron.Layer][n.Neuron.Index];
                    return new ConceptNeuron
                    {
                        Layer = n.Neuron.Layer,
                        Index = n.Neuron.Index,
                        Score = n.Words,
                        Top = Tokens(demo.Tokens, reading.TopIds, ids),
                        Bottom = Tokens(demo.Tokens, reading.BottomIds, ids),
                        MeanActivation = demo.Calibration.MeanOf(n.Neuron),
                        Sigma = demo.Calibration.SigmaOf(n.Neuron),
                    };
                }),
            ],
        };
    }

    private static VocabularyToken[] Tokens(TokenReader tokens, IReadOnlyList<int> ids, IReadOnlySet<int> concept)
        => [.. ids.Take(10).Select(i => new VocabularyToken(tokens.Print(i), concept.Contains(i), tokens.IsAction(i)))];

    private static OneStepEffect Effect(OneStepResult result) => new()
    {
        Concept = result.Concept,
        Metric = result.Metric,
        Prompt = Interval(result.Prompt),
        Rows =
        [
            .. result.Parts.Select(p => new OneStepRow
            {
                Component = p.Component switch { Component.Attention => "attention", Component.FeedForward => "feed-forward", _ => "residual" },
                Layer = p.Layer,
                MeanDifference = Interval(p.MeanDifference),
                Sufficient = Interval(p.Sufficient),
                Necessary = Interval(p.Necessary),
            }),
        ],
        Controls = [.. result.Controls.Select(c => new OneStepControl { Name = c.Name, Effect = c.Effect is { } e ? Interval(e) : null, Draws = c.Draws is { } d ? new DrawRange(d.Min(), d.Max(), d.Count) : null })],
    };

    private static IEnumerable<StudyRow> Rows(StudyResult study)
    {
        foreach (var arm in study.Arms.Where(a => !a.Arm.IsRandom))
        {
            yield return new StudyRow
            {
                Arm = arm.Arm.Name,
                Kind = Enum.Parse<Views.ArmKind>(arm.Arm.Kind.ToString()),
                Concept = study.Study,
                Episodes = arm.All.Success.Count,
                SpeedChange = Change(arm, "speed"),
                HeightChange = Change(arm, "height"),
                Success = new Interval(arm.All.Success.Rate, arm.All.Success.Low, arm.All.Success.High),
                SuccessChange = Change(arm, "success"),
                AdjustedP = arm.All.Differences.TryGetValue(DemoConcept.All.Single(c => c.Name == study.Study).Measure, out var d) ? d.AdjustedP : null,
                Tasks = [.. arm.ByTask.Select(t => new TaskSuccess(t.Key, t.Value.Success.Rate, t.Value.Success.Count))],
            };
        }

        foreach (var draws in study.Draws)
        {
            var (success, arms) = (draws.Means["success"], study.Arms.Where(a => a.Arm.Group == draws.Group).ToArray());
            yield return new StudyRow
            {
                Arm = draws.Group,
                Kind = Enum.Parse<Views.ArmKind>(draws.Kind.ToString()),
                Concept = study.Study,
                Episodes = arms.Sum(a => a.All.Success.Count),
                Success = new Interval(success.Mean, success.Smallest, success.Largest),
                SpeedDraws = Range(draws, "speed"),
                HeightDraws = Range(draws, "height"),
                SuccessDraws = new DrawRange(success.Smallest, success.Largest, draws.Draws),
                Tasks = [.. arms[0].ByTask.Keys.Select(t => new TaskSuccess(t, arms.Average(a => a.ByTask[t].Success.Rate), arms.Sum(a => a.ByTask[t].Success.Count)))],
            };
        }
    }

    /// <remarks>An effect is one whose interval leaves zero out and whose mean lies outside what the random draws do.</remarks>
    private static IEnumerable<Statement> Statements(DemoResult demo)
    {
        foreach (var (concept, study) in DemoConcept.All.Zip(demo.Studies))
        {
            var said = study.Arms.Single(a => a.Arm.Kind == ArmKind.Prompt).All.Differences[concept.Measure].Estimate;
            foreach (var arm in study.Arms.Where(a => a.Arm.Kind == ArmKind.Edit))
            {
                var difference = arm.All.Differences[concept.Measure].Estimate;
                var range = study.Draws.Select(d => d.Differences[concept.Measure]).ToArray();
                var (low, high) = (range.Min(r => r.Smallest), range.Max(r => r.Largest));
                var isEffect = (difference.Low > 0 || difference.High < 0) && (difference.Mean > high || difference.Mean < low);
                var success = $"success {Percent(arm.All.Success.Rate)} against {Percent(study.Arms[0].All.Success.Rate)} without edits";
                yield return new Statement(
                    $"*{concept.Name}*, {arm.Arm.Name}: {concept.Measure} changes by {Output.Signed(difference.Mean)} [{Output.Signed(difference.Low)}, {Output.Signed(difference.High)}], {Percent(difference.Mean / said.Mean)} of what saying '{concept.Word}' does ({Output.Signed(said.Mean)}); random draws {Output.Signed(low)} to {Output.Signed(high)}; {success}.",
                    isEffect);
            }
        }

        foreach (var result in demo.OneStep)
        {
            var single = result.Parts.Where(p => p.Layer is not null && p.Component != Component.Residual).ToArray();
            var carrier = single.MaxBy(p => p.Sufficient.Mean / result.Prompt.Mean)!;
            yield return new Statement(
                $"*{result.Concept}*, one decision: the {Name(carrier)} of layer {carrier.Layer} put in state by state gives {Percent(carrier.Sufficient.Mean / result.Prompt.Mean)} of the word's effect; held back, {Percent(carrier.Necessary.Mean / result.Prompt.Mean)} remains; its mean difference gives {Percent(carrier.MeanDifference.Mean / result.Prompt.Mean)}.",
                true);
        }
    }

    private static string Name(PartRow part) => part.Component == Component.Attention ? "attention output" : "feed-forward output";

    private static Interval? Change(ArmResult arm, string measure) => arm.All.Differences.TryGetValue(measure, out var d) ? Interval(d.Estimate) : null;

    private static DrawRange Range(DrawsResult draws, string measure) => new(draws.Differences[measure].Smallest, draws.Differences[measure].Largest, draws.Draws);

    private static Interval Interval(Estimate e) => new(e.Mean, e.Low, e.High);

    private static string Percent(double share) => (Math.Round(share, 2) + 0.0).ToString("0 %", CultureInfo.InvariantCulture);
}
