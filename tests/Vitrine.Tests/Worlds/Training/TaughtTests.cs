using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;
using Vitrine.Worlds.Tabletop;
using Vitrine.Worlds.Training;
using static TorchSharp.torch;

namespace Vitrine.Tests.Worlds.Training;

/// <summary>What is taught is what acts.</summary>
public sealed class TaughtTests
{
    private static readonly IReadOnlyList<Observation> Seen = TabletopStates.ForTest(3, 4);

    [Fact]
    public void Sequences_with_their_answers_in_them_give_the_logits_of_decoding()
    {
        using var policy = OpenVlaPolicy.Open("embedded:tabletop");
        using var acted = policy.Act(Seen);
        int[][] said = [.. acted.Actions.Select(a => a.Tokens!.TokenIds.ToArray())];
        int[][] prompts = [.. Seen.Select(o => policy.PromptIds(o.Instruction))];
        using var bound = policy.Bind(RunPlan.Empty);

        // Rows share pictures, in another order than the pictures'.
        int[] rows = [3, 1, 0, 2, 1];
        using var taught = policy.Taught(
            bound, Seen, rows, [.. rows.Select(r => (int[])[.. prompts[r], .. said[r][..^1]])],
            [.. rows.SelectMany((r, i) => Enumerable.Range(0, said[r].Length).Select(d => (i, policy.ImageTokens + prompts[r].Length - 1 + d)))]);
        using var scope = NewDisposeScope();
        taught.Logits.shape.ShouldBe([rows.Length * said[0].Length, policy.Language.Shape.Vocabulary]);
        var expected = cat([.. rows.Select(r => acted.Run.Logits[r])]);
        ShouldAgree(taught.Logits, expected);
    }

    [Fact]
    public void Velocities_of_rows_with_times_of_their_own_are_those_of_each_time_alone()
    {
        using var policy = (FlowPolicy)Policy.Open("embedded:tabletop-flow");
        using var scope = NewDisposeScope();
        var (horizon, width) = policy.NoiseShape!.Value;
        double[] times = [.9, .1, .5];
        int[] pictures = [2, 0, 0];
        string[] words = ["reach the red cube", "move left slowly", "quickly lift the blue ball high"];
        var chunks = ActNoise.OfSeeds([4, 5, 6]).Draw(3, horizon, width);
        using var bound = policy.Bind(RunPlan.Empty);
        using var taught = policy.Taught(
            bound, [Seen[0], Seen[1], Seen[2]], [.. pictures.Zip(words), (1, "move up")], [(cat([chunks, chunks.narrow(0, 0, 1)]), [.. times, .3])]);
        for (var row = 0; row < 3; row++)
        {
            using var alone = policy.Velocity([Seen[pictures[row]] with { Instruction = words[row] }], chunks.narrow(0, row, 1), times[row]);
            ShouldAgree(taught.Logits[0, row], alone.Logits[0]);
        }
    }

    [Fact]
    public void An_action_in_the_network_s_units_comes_back_in_the_robot_s()
    {
        using var policy = (FlowPolicy)Policy.Open("embedded:tabletop-flow");
        using var prefix = policy.Read([Seen[0]]);
        using var scope = NewDisposeScope();
        double[] action = [.03, -.1, .07, 1];
        var (horizon, width) = policy.NoiseShape!.Value;
        var normalised = tensor([.. policy.Normalised(action).Select(v => (float)v)], [1, 1, width]).expand(1, horizon, width);
        policy.InUnits(prefix, normalised)[0].Values.Zip(action).ShouldAllBe(v => Math.Abs(v.First - v.Second) < 1e-6);
    }

    [Fact]
    public void The_optimiser_is_libtorch_s()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        var start = randn([6, 5], generator: generator);
        var (own, theirs) = (start.clone().requires_grad_(), new TorchSharp.Modules.Parameter(start.clone()));
        var target = randn([6, 5], generator: generator);
        using var mine = new AdamW(new Dictionary<string, Tensor> { ["w"] = own }, weightDecay: .05, clip: 1e9);
        using var reference = optim.AdamW([theirs], lr: .01, beta1: .9, beta2: .95, eps: 1e-8, weight_decay: .05);
        for (var step = 0; step < 12; step++)
        {
            var rate = .01 * (step + 1);
            mine.Step(Loss(own), _ => rate);
            foreach (var group in reference.ParamGroups)
            {
                group.LearningRate = rate;
            }

            reference.zero_grad();
            Loss(theirs).backward();
            reference.step();
            ShouldAgree(own, theirs);
        }

        own.sub(start).abs().max().item<float>().ShouldBeGreaterThan(.1f);

        Tensor Loss(Tensor w) => ((w - target) * (w - target) * (w - target) * (w - target)).mean();
    }

    [Fact]
    public void A_gradient_that_is_too_long_is_cut_to_the_length_that_was_asked_for()
    {
        using var scope = NewDisposeScope();
        var leaf = tensor(new float[] { 3, 4 }).requires_grad_();
        using var optimiser = new AdamW(new Dictionary<string, Tensor> { ["w"] = leaf }, weightDecay: 0, clip: 1);
        optimiser.Step((leaf * leaf).sum(), _ => 0).ShouldBe(10, 1e-5);                                    // gradient (6, 8)
        var (mean, _) = optimiser.Moments["w"];
        mean.norm().item<float>().ShouldBe(.1f, 1e-5f);                                                    // a tenth of length 1
    }

    [Fact]
    public void The_rate_rises_stays_and_falls_as_the_recipe_says()
    {
        var recipe = TrainingRecipe.Tokens with { Steps = 1000, WarmUp = 10 };
        recipe.RateAt(0).ShouldBe(1e-4, 1e-12);
        recipe.RateAt(9).ShouldBe(1e-3, 1e-12);
        recipe.RateAt(400).ShouldBe(1e-3, 1e-12);
        recipe.RateAt(700).ShouldBe(1e-3 * (.01 + (.99 * .5)), 1e-9);                                      // half of the cosine
        recipe.RateAt(1000).ShouldBe(1e-5, 1e-12);
        recipe.SizeAt(699).ShouldBe((24, 3));
        recipe.SizeAt(700).ShouldBe((40, 2));
    }

    private static void ShouldAgree(Tensor found, Tensor expected)
        => (found - expected).abs().max().item<float>().ShouldBeLessThanOrEqualTo(5e-5f * Math.Max(1, expected.abs().max().item<float>()));
}
