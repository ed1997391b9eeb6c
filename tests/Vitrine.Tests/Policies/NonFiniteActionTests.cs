using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.OwnFamily;
using Vitrine.Policies;
using Vitrine.Tests.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;

namespace Vitrine.Tests.Policies;

/// <summary>Actions that are no numbers, of a policy that speaks in tokens and of one that gives numbers.</summary>
public sealed class NonFiniteActionTests : IDisposable
{
    private static readonly Observation Seen = new(new Picture(64, 64, new byte[64 * 64 * 3]), "touch the plum wedge");
    private readonly string folder = Directory.CreateTempSubdirectory("numbers").FullName;
    private readonly PatchedModel tabletop;

    public NonFiniteActionTests()
    {
        using var embedded = Policy.Open("embedded:tabletop");
        tabletop = new PatchedModel(embedded.Folder);
        TinyVelocity.Write(folder, Seen.Instruction.Split(' '));
    }

    [Theory]
    [InlineData("layers.0.mlp.down_proj.weight", "language.0.mlp.out")]
    [InlineData("projector.fc1.weight", "projector.out")]
    [InlineData("lm_head.weight", "language.logits")]
    public void A_policy_of_tokens_names_the_first_point(string tensor, string point)
    {
        using var policy = Policy.Open(tabletop.Set(tabletop.NameOf(tensor), float.NaN).Folder);
        Refused(policy, point).ShouldContain("decoding, step 0: the logit of token ");
        using var acting = policy.With();
        Refused(acting, point);
    }

    [Theory]
    [InlineData("head.weight", "action.velocity")]
    [InlineData("norm.weight", "language.0.attn.in")]
    [InlineData("eye.weight", "language.embed")]
    public void A_policy_of_numbers_names_the_first_point(string tensor, string point)
    {
        using var patched = new PatchedModel(folder);
        using var policy = Velocity(patched.Set(patched.NameOf(tensor), float.NaN).Folder);
        Refused(policy, point);
    }

    [Fact]
    public void Units_that_make_no_number_of_a_finite_one_are_told_as_such()
    {
        using var patched = new PatchedModel(folder);
        var statistics = Path.Combine(patched.Folder, "dataset_statistics.json");
        var wide = File.ReadAllText(statistics).Replace("\"q99\":[0.1,", "\"q99\":[1.7e308,").Replace("\"q01\":[-0.1,", "\"q01\":[-1.7e308,");
        File.WriteAllText(statistics, wide);
        using var policy = Velocity(patched.Folder);
        var error = Should.Throw<NonFiniteException>(() => policy.Act([Seen, Seen]));
        error.Message.ShouldContain("of the action of observation 0, dx (in the robot's units) is infinite");
        error.Message.ShouldContain("every point that leads to it is finite");
        (error.First, error.Row).ShouldBe((null, 0));
    }

    [Fact]
    public void Whoever_asks_for_them_is_given_them()
    {
        tabletop.Set(tabletop.NameOf("layers.0.mlp.down_proj.weight"), float.NaN);
        using var policy = Policy.Open(tabletop.Folder, new ModelOptions { AllowNonFinite = true });
        using var run = policy.Act([Seen]);
        run.Actions[0].Tokens!.Expected.ShouldAllBe(v => double.IsNaN(v));
    }

    [Fact]
    public void Neurons_of_which_there_are_no_statistics_are_not_calibrated()
    {
        using var policy = Policy.Open(tabletop.Set(tabletop.NameOf("layers.1.mlp.up_proj.weight"), float.NaN).Folder);
        Should.Throw<NonFiniteException>(() => Calibration.Measure(policy, [Seen, Seen])).First.ShouldBe(Address.Parse("language.1.mlp.up"));
    }

    [Fact]
    public void A_metric_that_is_no_number_is_refused_by_arm_and_state()
    {
        using var policy = Velocity(folder);
        var step = new OneStep(policy, [Seen, Seen]);
        var ratio = new ActionMetric("ratio", a => a[0] / (a[1] - a[1]));
        Should.Throw<NonFiniteException>(() => step.Measured(ratio)).Message.ShouldContain("arm 'no edit': the metric 'ratio' of state 0 is ");
        Should.Throw<NonFiniteException>(() => step.Effect("clamp", step.Baseline, ratio)).Message.ShouldContain("arm 'clamp': the metric 'ratio' of state 0");
        step.Effect("clamp", step.Baseline, ActionMetric.Speed).Hard.ShouldBe([0, 0]);
    }

    [Fact]
    public void An_edit_that_makes_the_action_none_is_named_as_its_cause()
    {
        using var policy = Velocity(folder);
        var plan = RunPlan.Editing(new Scale("language.0.mlp.out", float.MaxValue), new Scale("language.0.mlp.out", float.MaxValue));
        var error = Should.Throw<NonFiniteException>(() => policy.Act([Seen], plan));
        error.First.ShouldBe(Address.Parse("language.0.mlp.out"));
        error.Message.ShouldContain("as the plan's edits leave it");
    }

    public void Dispose()
    {
        tabletop.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private static Policy Velocity(string folder) => Policy.Open(folder, catalog: Policy.Catalog.With(VelocityPolicy.Described));

    private static string Refused(Policy policy, string point)
    {
        var error = Should.Throw<NonFiniteException>(() => policy.Act([Seen]));
        error.First.ShouldBe(Address.Parse(point));
        error.Row.ShouldBe(0);
        return error.Message;
    }
}
