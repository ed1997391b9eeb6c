using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Policies.Flow;

/// <summary>What must hold of every flow policy, whatever its numbers are.</summary>
public sealed class FlowTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Policies => FlowExample.All;

    /// <remarks>The expert reads keys and values of every layer, and nothing of what the last layer makes of them.</remarks>
    [Theory, MemberData(nameof(Policies))]
    public void What_the_last_language_layer_writes_reaches_no_action(string name)
    {
        using var policy = FlowExample.Open(name);
        var (shape, seen) = (policy.Language.Shape, FlowExample.Observe(name));
        var dead = new Clamp(new NeuronSet(Enumerable.Range(0, shape.Neurons).Select(i => new Neuron(shape.Layers - 1, i)), shape.Name), 4);
        var alive = new Clamp(new NeuronSet(Enumerable.Range(0, shape.Neurons).Select(i => new Neuron(shape.Layers - 2, i)), shape.Name), 4);
        using var plain = policy.Act([seen], cancellation: Cancellation);
        using var held = policy.Act([seen], RunPlan.Editing(dead), cancellation: Cancellation);
        using var before = policy.Act([seen], RunPlan.Editing(alive), cancellation: Cancellation);
        held.Actions[0].IsSameAs(plain.Actions[0]).ShouldBeTrue();
        before.Actions[0].IsSameAs(plain.Actions[0]).ShouldBeFalse();
    }

    [Theory, MemberData(nameof(Policies))]
    public void A_run_s_own_activations_put_back_change_no_bit(string name)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        var capturing = new RunPlan
        {
            Capture =
            [
                "language.*.*", "language.embed", "expert.*.*@*", "expert.embed@*", "expert.final_norm@*", "action.x@*", "action.velocity@*", "projector.out",
            ],
            ExplicitAttention = true,
        };
        using var plain = policy.Act([seen], capturing, cancellation: Cancellation);
        var places = plain.Run.Activations.Keys.ToArray();
        places.Select(p => p.Step).Distinct().Order().ShouldBe(Enumerable.Range(0, policy.FlowSteps));
        var replay = new RunPlan { ExplicitAttention = true, Edits = [.. places.Select(p => new Replace(p, plain.Run.Activations[p]))] };
        using var again = policy.Act([seen], replay, cancellation: Cancellation);
        again.Actions[0].IsSameAs(plain.Actions[0]).ShouldBeTrue();
    }

    [Theory, MemberData(nameof(Policies))]
    public void An_edit_at_one_flow_step_leaves_the_earlier_ones(string name)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        string[] all = ["expert.*.resid_post@*", "action.x@*", "action.velocity@*"];
        using var plain = policy.Act([seen], RunPlan.Capturing(all), cancellation: Cancellation);
        for (var step = 0; step < policy.FlowSteps; step++)
        {
            var edit = new Zero("expert.0.mlp.out") { Scope = new EditScope { Steps = [step] } };
            using var changed = policy.Act([seen], new RunPlan { Capture = all, Edits = [edit] }, cancellation: Cancellation);
            foreach (var (place, tensor) in plain.Run.Activations)
            {
                var isSame = tensor.IsBitFor(changed.Run.Activations[place]);
                var isEarlier = place.Step < step || (place.Step == step && place.Point.Name == "x");
                isSame.ShouldBe(isEarlier, $"{place}, edit at step {step}");
            }
        }
    }

    [Theory, MemberData(nameof(Policies))]
    public void An_edit_of_one_camera_leaves_the_tokens_of_the_other(string name)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        string[] cameras = [.. policy.Layout([seen]).Rows[0].Pictures.Keys];
        cameras.Length.ShouldBe(2);
        using var plain = policy.Act([seen], RunPlan.Capturing("projector.out"), cancellation: Cancellation);
        for (var edited = 0; edited < 2; edited++)
        {
            foreach (var scope in new[] { new EditScope { Positions = Positions.Of($"image.{cameras[edited]}") }, new EditScope { Pictures = [edited] } })
            {
                var plan = new RunPlan { Capture = ["projector.out"], Edits = [new Zero("vision.0.mlp.out") { Scope = scope }] };
                using var changed = policy.Act([seen], plan, cancellation: Cancellation);
                for (var camera = 0; camera < 2; camera++)
                {
                    changed.Run["projector.out"][camera].IsBitFor(plain.Run["projector.out"][camera]).ShouldBe(camera != edited, $"{cameras[camera]}, {scope}");
                }
            }
        }
    }

    [Theory, MemberData(nameof(Policies))]
    public void A_camera_that_is_missing_does_not_run_and_shifts_no_position(string name)
    {
        using var policy = FlowExample.Open(name);
        var whole = FlowExample.Observe(name);
        var first = whole.Cameras.Keys.First();
        var one = whole with { Cameras = new Dictionary<string, Vitrine.Inputs.Pictures.Picture> { [first] = whole.Cameras[first] } };
        using var run = policy.Act([one], RunPlan.Capturing("vision.features", "language.embed"), cancellation: Cancellation);
        run.Run["vision.features"].shape[0].ShouldBe(1);
        var row = run.Layout.Rows[0];
        row.Pictures.Keys.ShouldBe([first]);
        row.Words[0].Position.ShouldBe(policy.ImageTokens);
        run.Run["language.embed"].shape[1].ShouldBe(policy.ImageTokens + row.Words.Count + row.State.Count);
    }

    [Theory, MemberData(nameof(Policies))]
    public void The_joint_pass_equals_the_cached_one(string name)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        var (rows, columns) = policy.NoiseShape!.Value;
        using var chunk = randn([1, rows, columns], generator: new Generator(3));
        using var prefix = policy.Read([seen]);
        foreach (var time in new[] { 1, 0.7, 0.05 })
        {
            using var joint = policy.Velocity([seen], chunk, time);
            using var cached = policy.Velocity(prefix, chunk, time);
            joint.Logits.IsBitFor(cached.Logits).ShouldBeTrue();
        }

        using var whole = policy.Act([seen], cancellation: Cancellation);
        using var resumed = policy.Act(prefix, cancellation: Cancellation);
        resumed.Actions[0].IsSameAs(whole.Actions[0]).ShouldBeTrue();
    }

    [Theory, MemberData(nameof(Policies))]
    public void The_same_noise_gives_the_same_chunk_and_other_noise_another(string name)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        var (rows, columns) = policy.NoiseShape!.Value;
        using var drawn = ActNoise.OfSeed(5).Draw(1, rows, columns);
        using var noise = randn([1, rows, columns], generator: new Generator(5));
        drawn.IsBitFor(noise).ShouldBeTrue();
        using var first = Acted(ActNoise.OfSeed(5));
        using var again = Acted(ActNoise.OfSeed(5));
        using var given = Acted(ActNoise.Of(noise));
        using var other = Acted(ActNoise.OfSeed(6));
        using var usual = Acted(noise: null);
        using var zero = Acted(ActNoise.OfSeed(0));
        again.Actions[0].IsSameAs(first.Actions[0]).ShouldBeTrue();
        given.Actions[0].IsSameAs(first.Actions[0]).ShouldBeTrue();
        other.Actions[0].IsSameAs(first.Actions[0]).ShouldBeFalse();
        usual.Actions[0].IsSameAs(zero.Actions[0]).ShouldBeTrue();

        PolicyRun Acted(ActNoise? noise) => policy.Act([seen], options: new ActOptions { Noise = noise }, cancellation: Cancellation);
    }

    /// <remarks>Rows of other lengths and other cameras stand in one batch; padding is seen by nobody.</remarks>
    [Theory, MemberData(nameof(Policies))]
    public void Observations_side_by_side_are_answered_as_if_each_were_alone(string name)
    {
        using var policy = FlowExample.Open(name);
        var whole = FlowExample.Observe(name);
        var last = whole.Cameras.Keys.Last();
        var one = FlowExample.Observe(name, "stop") with
        {
            Cameras = new Dictionary<string, Vitrine.Inputs.Pictures.Picture> { [last] = whole.Cameras[last] },
        };
        var noise = ActNoise.OfSeeds(7, 8);
        using var both = policy.Act([whole, one], options: new ActOptions { Noise = noise }, cancellation: Cancellation);
        using var first = policy.Act([whole], options: new ActOptions { Noise = ActNoise.OfSeed(7) }, cancellation: Cancellation);
        using var second = policy.Act([one], options: new ActOptions { Noise = ActNoise.OfSeed(8) }, cancellation: Cancellation);
        foreach (var (together, alone) in both.Actions.Zip([first.Actions[0], second.Actions[0]]))
        {
            foreach (var (a, b) in together.Normalised.Zip(alone.Normalised))
            {
                a.ShouldBe(b, tolerance: 1e-4);
            }
        }
    }

    [Theory, MemberData(nameof(Policies))]
    public void One_prefix_serves_variants_side_by_side(string name)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        using var prefix = policy.Read([seen]);
        Edit[] edits = [new Zero("expert.0.mlp.out"), new Zero("expert.1.attn.out")];
        using var both = policy.Act(prefix, RunPlan.ForRows([.. edits.Select(e => RunPlan.Editing(e))]), cancellation: Cancellation);
        foreach (var (edit, action) in edits.Zip(both.Actions))
        {
            using var alone = policy.Act([seen], RunPlan.Editing(edit), cancellation: Cancellation);
            foreach (var (a, b) in action.Normalised.Zip(alone.Actions[0].Normalised))
            {
                a.ShouldBe(b, tolerance: 1e-4);
            }
        }
    }

    [Theory, MemberData(nameof(Policies))]
    public void Rows_of_the_chunk_and_the_state_are_named(string name)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        var row = policy.Layout([seen]).Rows[0];
        var plan = new RunPlan
        {
            Capture = ["expert.0.mlp.out@1"],
            Edits = [new Zero("expert.0.mlp.out") { Scope = new EditScope { Positions = Positions.Of("deciding.2"), Steps = [1] } }],
        };
        using var run = policy.Act([seen], plan, cancellation: Cancellation);
        using var zero = run.Run["expert.0.mlp.out@1"][0].abs().sum([-1]).eq(0);
        zero.data<bool>().ToArray().Index().Where(z => z.Item).Select(z => (long)z.Index).ShouldBe([row.Deciding + 2]);
    }

    /// <remarks>Keys and values of a prompt's row, put in as the expert reads them, are an edit like any other.</remarks>
    [Theory, MemberData(nameof(Policies))]
    public void Rows_of_the_prefix_are_replaced_as_the_expert_reads_them(string name)
    {
        using var policy = FlowExample.Open(name);
        var (seen, other) = (FlowExample.Observe(name), FlowExample.Observe(name, "pick up the blue block"));
        var words = policy.Layout([seen, other]).Rows.Select(r => r.Words).ToArray();
        var at = words[0].Zip(words[1]).First(w => w.First.Id != w.Second.Id).First.Position;
        string[] read = ["expert.1.attn.prefix_k", "expert.1.attn.prefix_v"];
        using var donor = policy.Act([other], RunPlan.Capturing(read), cancellation: Cancellation);
        using var own = policy.Act([seen], RunPlan.Capturing(read), cancellation: Cancellation);
        using var same = policy.Act([seen], RunPlan.Editing(Rows(own.Run)), cancellation: Cancellation);
        using var changed = policy.Act([seen], RunPlan.Editing(Rows(donor.Run)), cancellation: Cancellation);
        same.Actions[0].IsSameAs(own.Actions[0]).ShouldBeTrue();
        changed.Actions[0].IsSameAs(own.Actions[0]).ShouldBeFalse();

        Edit[] Rows(Run run) =>
        [
            .. read.Select(p => new Replace(p, EditValue.Of(run[p].narrow(1, at, 1))) { Scope = new EditScope { Positions = Positions.At((int)at) } }),
        ];
    }

    [Theory, MemberData(nameof(Policies))]
    public void What_cannot_be_done_is_told(string name)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        using var prefix = policy.Read([seen]);
        var (rows, columns) = policy.NoiseShape!.Value;
        using var wrong = zeros(1, rows, columns + 1);
        Told(() => policy.Act([seen], options: new ActOptions { Noise = ActNoise.Of(wrong) }), $"noise: has {rows} rows of {columns + 1} numbers");
        Told(() => policy.Act([seen], options: new ActOptions { Noise = ActNoise.OfSeeds(1, 2, 3) }), "noise: is given for 3 observations; there are 1");
        Told(() => policy.Act([seen], new RunPlan { StopAfter = 0 }), "this run cannot stop before its end");
        Told(() => policy.Act(prefix, RunPlan.Capturing("language.0.mlp.out")), "computes the stack expert, action alone");
        Told(() => policy.Read([seen], RunPlan.Capturing("expert.0.mlp.out")), "alone, which does not reach it");
        Told(() => policy.Velocity(prefix, wrong, 0.5), $"expected [1, {rows}, {columns}]");
        Told(() => policy.ReadInActions(99), "counted from 0");
        var outside = new Zero("expert.0.mlp.out") { Scope = new EditScope { Positions = Positions.Of("image") } };
        Told(() => policy.Act([seen], RunPlan.Editing(outside)), "there is no kind of tokens 'image'");

        static void Told(Func<object> act, string message) => Should.Throw<VitrineException>(act).Message.ShouldContain(message);
    }

    [Fact]
    public void A_policy_that_starts_from_no_noise_refuses_it()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var seen = new Observation(new Vitrine.Inputs.Pictures.Picture(64, 64, new byte[64 * 64 * 3]), "reach the red cube");
        Should.Throw<VitrineException>(() => policy.Act([seen], options: new ActOptions { Noise = ActNoise.OfSeed(1) })).Message
            .ShouldContain("starts from no noise");
    }

    /// <remarks>Where the expert's condition is one vector a row, it is captured and edited as such.</remarks>
    [Fact]
    public void The_flow_time_of_pi05_is_a_point()
    {
        using var policy = FlowExample.Open("pi05");
        var seen = FlowExample.Observe("pi05");
        using var plain = policy.Act([seen], RunPlan.Capturing("expert.cond@*"), cancellation: Cancellation);
        plain.Run["expert.cond@2"].shape.ShouldBe([1, policy.Expert.Shape.Width]);
        var hold = new Replace(Address.Parse("expert.cond"), plain.Run["expert.cond"]) { Scope = EditScope.Everywhere };
        using var held = policy.Act([seen], RunPlan.Editing(hold), cancellation: Cancellation);
        held.Actions[0].IsSameAs(plain.Actions[0]).ShouldBeFalse();
    }
}
