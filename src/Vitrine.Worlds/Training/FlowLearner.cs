using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Training;

/// <summary>Teaches a policy that flows from noise to a chunk of actions (flow matching, Lipman et al. 2023).</summary>
/// <remarks>
/// t = .999 Beta(1.5, 1) + .001, x = t noise + (1 - t) a; the velocity at (x, t) is to be noise - a. Pictures are seen once a frame, prompts read once an
/// instruction, several pairs of noise and time denoised from each.
/// </remarks>
internal sealed class FlowLearner : Learner
{
    private const int AttentionLayer = 2, WayLayer = 4, ChunkLayer = 5;
    private const double ChunkUntil = .6;

    private static readonly string[] OfExpert = ["lm_expert.", "action_in_proj.", "action_out_proj.", "action_time_mlp_", "state_proj."];

    private readonly FlowPolicy policy;
    private readonly BoundPlan withChunk, withoutChunk;
    private readonly string features, queries, keys, way, chunk;
    private readonly double[] scale;

    public FlowLearner(FlowPolicy policy, TrainingRecipe recipe, Dictionary<string, Tensor> leaves)
        : base(policy, recipe, leaves)
    {
        this.policy = policy;
        var (language, tower) = (policy.Language.Shape, policy.Towers[0].Shape);
        var layers = language.Layers - 1;
        features = $"{tower.Name}.features";
        (queries, keys) = ($"{language.Name}.{Math.Min(AttentionLayer, layers)}.attn.q_rot", $"{language.Name}.{Math.Min(AttentionLayer, layers)}.attn.k_rot");
        (way, chunk) = ($"{language.Name}.{Math.Min(WayLayer, layers)}.resid_pre", $"{language.Name}.{Math.Min(ChunkLayer, layers)}.resid_pre");
        string[] always = [features, queries, keys, way];
        withoutChunk = policy.Bind(new RunPlan { Gradients = always });
        withChunk = policy.Bind(new RunPlan { Gradients = [.. always.Append(chunk).Distinct()] });
        AddPatchHead(tower.Name, tower.Width);
        AddHead("way", 3, language.Width);
        AddHead("chunk", policy.Horizon * policy.NoiseShape!.Value.Columns, language.Width);
        var (zero, one) = (policy.Normalised([0, 0, 0, 0]), policy.Normalised([1, 1, 1, 1]));
        scale = [.. zero.Zip(one, (z, o) => 1 / (o - z))];
    }

    public override int Horizon => policy.Horizon;

    public override double RateOf(string name)
        => OfExpert.Any(part => name.Contains(part, StringComparison.Ordinal)) ? Recipe.ExpertRate : base.RateOf(name);

    public override (Tensor Loss, IReadOnlyDictionary<string, double> Measures) Loss(IReadOnlyList<TrainingFrame> frames, int step)
    {
        var (horizon, width) = policy.NoiseShape!.Value;
        (int Picture, string Instruction)[] asked = [.. frames.SelectMany((frame, f) => frame.Asked.Select(a => (f, a.Words)))];
        AskedFrame[] meant = [.. frames.SelectMany(f => f.Asked)];
        var actions = TrainingMath.Numbers(meant.SelectMany(Normalised), meant.Length, horizon, width);   // (R, H, D)
        var samples = Enumerable.Range(0, Recipe.Samples).Select(s => Sample(step, s, meant.Length, horizon, width)).ToArray();
        var noised = samples.Select(s => (s.Time * s.Noise).Plus((ones_like(s.Time) - s.Time) * actions)).ToArray();
        var share = Recipe.Chunk * Math.Max(0, 1 - (step / (ChunkUntil * Recipe.Steps)));
        using var run = policy.Taught(
            share > 0 ? withChunk : withoutChunk, [.. frames.Select(f => f.Seen)], asked, [.. samples.Zip(noised, (s, x) => (x, s.Times))]);
        var velocity = run.Logits;                                                                         // (S, R, H, D)
        var measures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        var target = stack([.. samples.Select(s => s.Noise - actions)]);
        var loss = Noted(measures, "flow", TrainingMath.SquaredError(velocity, target).mean(), 1);
        Measure(velocity, stack(noised), stack([.. samples.Select(s => s.Time)]), actions, measures);

        var layout = policy.Layout([.. asked.Select(a => frames[a.Picture].Seen with { Instruction = a.Instruction })]);
        var labels = new PatchLabels(frames, policy.Towers[0].Grid);
        if (Recipe.Patches > 0)
        {
            loss = loss.Plus(Noted(measures, "patches", Heads.PatchLoss(policy.Towers[0].Shape.Name, run[features], labels), Recipe.Patches));
        }

        (int Row, AskedFrame Of)[] aimed = [.. meant.Index().Where(r => r.Item.Spec.Target >= 0)];
        if (aimed.Length > 0 && Recipe.Way > 0)
        {
            var state = run[way].At(aimed.Select(a => a.Row), aimed.Select(a => (int)layout.Rows[a.Row].State[0]));
            var expected = TrainingMath.Numbers(aimed.SelectMany(a => WayOf(frames[asked[a.Row].Picture], a.Of)), aimed.Length, 3);
            loss = loss.Plus(Noted(
                measures, "way", TrainingMath.SquaredError(Heads.Of("way", TrainingMath.RootMeanSquareNormed(state)), expected).mean().Times(10), Recipe.Way));
        }

        var looks = aimed.Select(a => (a.Row, Column: ShapeColumn(layout.Rows[a.Row]), Patch: labels.Middle(asked[a.Row].Picture, a.Of.Spec.Target)))
            .Where(l => l.Column >= 0).ToArray();
        if (looks.Length > 0 && Recipe.Attention > 0)
        {
            loss = loss.Plus(Noted(measures, "attention", AttentionLoss(run[queries], run[keys], looks, 0, policy.ImageTokens), Recipe.Attention));
        }

        if (share > 0)
        {
            var state = run[chunk].At(Enumerable.Range(0, meant.Length), layout.Rows.Select(r => (int)r.State[0]));
            var said = Heads.Of("chunk", TrainingMath.RootMeanSquareNormed(state)).view(-1, horizon, width);
            loss = loss.Plus(Noted(measures, "chunk", TrainingMath.SquaredError(said, actions).mean(), share));
        }

        return (loss, measures);
    }

    public override IReadOnlyList<IReadOnlyList<double[]>> Act(IReadOnlyList<TrainingFrame> frames, int step)
    {
        long[] seeds = [.. frames.Select(f => (long)(Recipe.Random("act", step, f.Episode).NextBits() >> 1))];
        using var run = policy.Act([.. frames.Select(f => f.Seen)], options: new ActOptions { Noise = ActNoise.OfSeeds(seeds) });
        return [.. run.Actions.Select(a => (IReadOnlyList<double[]>)[.. a.Chunk.Select(row => row.ToArray())])];
    }

    private IEnumerable<double> Normalised(AskedFrame asked)
        => asked.Chunk.SelectMany(a => policy.Normalised([a[0], a[1], a[2], a[^1]]));

    /// <summary>Noise (R,H,D) and a flow time for each row, also as (R,1,1).</summary>
    private (Tensor Noise, double[] Times, Tensor Time) Sample(int step, int sample, int rows, int horizon, int width)
    {
        var random = Recipe.Random("flow", step, sample);
        double[] times = [.. Enumerable.Range(0, rows).Select(_ => (.999 * Math.Pow(random.NextDouble(), 1 / 1.5)) + .001)];
        var noise = TrainingMath.Numbers(Enumerable.Range(0, rows * horizon * width).Select(_ => random.Gaussian()), rows, horizon, width);
        return (noise, times, TrainingMath.Numbers(times, rows, 1, 1));
    }

    /// <summary>Of the chunk that the velocity means (x - t v), its first row: error of the motions in box lengths, share of grips that are right.</summary>
    private void Measure(Tensor velocity, Tensor noised, Tensor time, Tensor actions, SortedDictionary<string, double> measures)
    {
        using var mode = no_grad();
        var away = ((noised - (time * velocity)) - actions).select(2, 0);                                 // (S, R, D)
        var motions = TrainingMath.Numbers(scale.Take(3), 3);
        measures["xyz"] = (away.narrow(-1, 0, 3).abs() * motions).mean().Value();
        var half = tensor((float)policy.Normalised([0, 0, 0, .5])[3]);
        var grips = actions.select(1, 0).select(-1, 3).unsqueeze(0);                                       // (1, R)
        var said = away.select(-1, 3).Plus(grips);
        measures["gripper"] = said.ge(half).eq(grips.ge(half)).to(float32).mean().Value();
    }

    private int ShapeColumn(PromptRow row)
    {
        var at = ShapeWord([.. row.Words.Select(w => w.Id)]);
        return at < 0 ? -1 : (int)row.Words[at].Position;
    }
}
