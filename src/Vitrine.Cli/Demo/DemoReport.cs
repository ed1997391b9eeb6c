using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Vitrine.Certification;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Views;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;

namespace Vitrine.Cli.Demo;

/// <summary>Turns what the demo measured into a page. Every sentence is decided by the numbers.</summary>
internal static class DemoReport
{
    /// <summary>What was found, in one sentence.</summary>
    public static string Finding(DemoResult demo) => Findings.Sentence(Verdicts(demo), Decisions(demo));

    public static ReportData Of(DemoResult demo, IReadOnlyList<string> files)
    {
        var (units, strongest) = (DemoPictures.NewWorld().Units, DemoPictures.Strongest(demo.Attention));
        return new ReportData
        {
            Title = "A robot policy *opened*",
            Finding = Finding(demo),
            Lead = "What the feed-forward neurons of a vision-language-action model write, which of them spell a concept, what happens when they are held "
                + "while the robot moves, and what really carries the concept.",
            Facts =
            [
                new NamedValue("parameters", demo.Policy.Parameters.ToString("N0", CultureInfo.InvariantCulture)),
                new NamedValue("value vectors read",
                    (demo.Policy.Language.Shape.Layers * demo.Policy.Language.Shape.Neurons).ToString("N0", CultureInfo.InvariantCulture)),
                .. Agreed(demo.Certificates),
                new NamedValue("closed-loop episodes", demo.Studies.Sum(s => s.Arms.Count * s.Layouts).ToString("N0", CultureInfo.InvariantCulture)),
                new NamedValue("success without edits", Percent(demo.Studies[0].Arms[0].All.Success.Rate)),
            ],
            Statements =
            [
                .. Findings.Statements(Verdicts(demo), Decisions(demo), units),
                new Statement("One small policy, trained once in one simulated world: nothing here says how a larger policy or a real robot would behave."),
                new Statement("Words, colours and shapes of the tests all occur in its training; the layouts do not."),
                new Statement($"The study is small ({demo.Studies[0].Layouts} layouts an arm). Success of this policy hangs on a gripper that must close at "
                    + "the right step, so random edits also change it: read success beside the random draws."),
            ],
            Model = ModelDescription.Of(demo.Policy),
            Pass = Pass(demo, units),
            LayerProfile = new LayerProfile
            {
                Stack = demo.Policy.Language.Shape.Name,
                Rule = "at least 4 of the top 30 tokens belong to one word list",
                Vocabulary = demo.Policy.Language.Shape.Vocabulary,
                Tokens = demo.Tokens.Valid.Count,
                ActionTokens = demo.Tokens.Valid.Count(demo.Tokens.IsAction),
                Rows = demo.Profile,
            },
            Concepts = [.. DemoConcept.All.Select(c => ConceptCluster.Of(demo.Words.Single(w => w.Name == c.Name), demo.Clusters[c.Name], demo.Readings,
                demo.Tokens, demo.Calibration))],
            Attention = strongest,
            EveryHead = demo.Attention,
            AttentionRule = $"the {strongest.Count} of {demo.Policy.Language.Shape.Layers * demo.Policy.Language.Shape.Heads} heads with the largest "
                + "share of their attention on the picture, each from the word of the instruction (or the last token of the prompt) from which that share is "
                + "largest, in the order of layers",
            OneStep = [.. demo.OneStep.Select(result => new ShownDecision(result, units.Length))],
            Study = new StudySummary
            {
                Studies = [.. demo.Studies.Zip(DemoConcept.All, (study, concept) => new ShownStudy(study, concept.Measure))],
                SpeedMeaning = "change of speed, steps 1 to 6",
                HeightMeaning = "change of height, steps 1 to 10",
                Units = units,
                Note = $"{demo.Studies[0].Layouts} layouts an arm; the same layouts and pixel noise in every arm; paired bootstrap 95 %, Wilson 95 % for "
                    + "success, Holm over the edit arms of a concept. fast: reach, lift, push; high: reach, lift.",
            },
            Episodes = demo.Episodes,
            Certificate = Summary(demo.Certificates),
            Provenance = Made("vitrine demo", demo.Policy, demo.Size, demo.Studies, demo.Calibration, files),
            Definitions =
            [
                .. WorldTerms(units),
                new NamedValue(
                    "success", "of the task *as it is said without the word*: who obeys `high` may pass the height that the unworded task asks for."),
                new NamedValue(
                    "lexical clamp", "the neurons whose value vectors spell the concept, held at their natural mean plus 4 deviations at every position."),
                new NamedValue("mean difference", "what the word changes on average in a component's output, added where actions are decided."),
                new NamedValue("activation patching", "a component's output is exchanged between the run with the word and the run without it, state by state: "
                    + "put into the run without (denoising: is it sufficient?), or held back in the run with it (noising: is it necessary?)."),
                new NamedValue("entropy", "of the distribution over the action tokens, in nats (1 nat = 1.44 bits)."),
                new NamedValue(
                    "matched random", "neurons of the same layers with similar deviation and value-vector norm that spell nothing, at the same dose."),
            ],
        };
    }

    /// <summary>How many reference numbers agree.</summary>
    public static IEnumerable<NamedValue> Agreed(IReadOnlyList<Certificate> certificates) =>
    [
        new NamedValue("reference points that agree", $"{certificates.Sum(c => c.Rows.Count(r => r.Passed))} of {certificates.Sum(c => c.Rows.Count)}"),
    ];

    /// <summary>The certificates on the page.</summary>
    public static CertificateSummary Summary(IReadOnlyList<Certificate> certificates) => new()
    {
        Bound = 5e-5,
        Folders = [.. certificates.Select(c => new CertificateFolder(Path.GetFileName(c.Folder.TrimEnd('/')), c.Rows.Count, c.LargestRelativeError, c.Passed))],
    };

    /// <summary>How the page was made.</summary>
    public static Provenance Made(
        string command, Policy policy, DemoSize size, IReadOnlyList<StudyResult> studies, Calibration calibration, IReadOnlyList<string> files) => new()
        {
            Command = command,
            Seed = size.Seed.ToString(CultureInfo.InvariantCulture),
            Fingerprint = policy.Fingerprint,
            Counts =
        [
            new NamedValue("states of each one-step table", $"{size.States} to select on, {size.States} others to test on"),
            new NamedValue("layouts of each arm", $"{studies[0].Layouts}"),
            new NamedValue("random draws of each control", $"{size.Draws}"),
            new NamedValue("libtorch threads of a worker", $"{studies[0].ThreadsPerWorker}"),
            new NamedValue("calibration samples a neuron", $"{calibration.Samples}"),
        ],
            Versions =
        [
            new NamedValue("vitrine", Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? ""),
            new NamedValue(".NET", RuntimeInformation.FrameworkDescription),
            new NamedValue("TorchSharp", typeof(TorchSharp.torch).Assembly.GetName().Version?.ToString() ?? ""),
        ],
            Files = files,
        };

    /// <summary>What the world's numbers mean, and the classes of verdicts.</summary>
    public static IEnumerable<NamedValue> WorldTerms(WorldUnits units) =>
    [
            new NamedValue("units", $"lengths are in {units.Length}: the table reaches from 0 to 1; time is counted in {units.Step}s, one action each; "
                + "the world has no seconds. Actions dx, dy and dz are lengths, and the gripper is open at 1 and closed at 0."),
            new NamedValue(
                "speed", "displacement of the gripper per control step over the first 6 steps: it does not depend on how long an episode lasts."),
            new NamedValue("height", "mean height of the gripper after steps 1 to 10."),
            new NamedValue("shown", "the 95 % interval of the paired change leaves zero out, the change lies outside what all random draws do, and the "
                + "paired interval of success does not lie below zero. Where it does, the edit *moves, but breaks the task*; all else is *not shown*. What "
                + "was not shown is *seen to do nothing* only where the whole interval lies within a tenth of what the word does."),
    ];

    private static PassExample Pass(DemoResult demo, WorldUnits units)
    {
        var (parts, pass) = (demo.OneStep[0], PassExample.Of(demo.Policy, demo.Example, demo.ExampleAction));
        return pass with
        {
            ActionTokens = [.. pass.ActionTokens.Select(token => token with { Unit = token.Dimension is "dx" or "dy" or "dz" ? units.Length : "" })],
            Contributions =
            [
                .. Enumerable.Range(0, demo.Policy.Language.Shape.Layers)
                .Select(l => new BlockContribution(l, Share(Component.Attention, l), Share(Component.FeedForward, l))),
            ],
            ContributionMeaning = $"share of the effect of the word '{DemoConcept.All[0].Word}' that the part gives when it alone is patched in",
        };

        double Share(Component component, int layer)
            => parts.Parts.Single(p => p.Component == component && p.Layer == layer).Sufficient.Mean / parts.Prompt.Mean;
    }

    private static Verdict[] Verdicts(DemoResult demo)
        => [.. demo.Studies.Zip(DemoConcept.All, (study, concept) => Verdict.Of(study, concept.Measure)).SelectMany(v => v)];

    private static OneStepVerdict[] Decisions(DemoResult demo) => [.. demo.OneStep.Select(OneStepVerdict.Of)];

    public static string Percent(double? share) => share is { } value ? (Math.Round(value, 2) + 0.0).ToString("0 %", CultureInfo.InvariantCulture) : "-";
}
