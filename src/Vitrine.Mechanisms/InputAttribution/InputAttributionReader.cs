using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>Asks methods which words, patches and states a metric of a model rests on, and tries each answer by taking inputs away.</summary>
/// <param name="subject">The model with one row of inputs.</param>
/// <param name="metric">Any that the model has.</param>
/// <param name="options">How.</param>
public sealed class InputAttributionReader(Subject subject, Metric metric, InputAttributionOptions options)
{
    private const int SetsASample = 32;

    private static readonly Dictionary<string, Func<Asked, double[]>> ByName = new()
    {
        ["saliency"] = a => a.Sums(Gradients.Saliency(a.Function)),
        ["input-x-gradient"] = a => a.Sums(Gradients.TimesInput(a.Function)),
        ["integrated-gradients"] = a => a.Sums(new IntegratedGradients { Steps = a.Options.Steps }.Of(a.Function, a.Baseline)),
        ["gradient-shap"] = a => a.Sums(Gradients.GradientShap(
            a.Function, a.Baseline, Gradients.Draws(1, 1, a.Options.Samples, a.Options.Seed), out _)),
        ["deeplift"] = a => a.Sums(Gradients.DeepLift(a.Function, a.Baseline)),
        ["lrp"] = a => a.Sums(Gradients.TimesInput(a.Function, GradientRule.Relevance())),
        ["guided-backprop"] = a => a.Sums(Gradients.Saliency(a.Function, absolute: false, GradientRule.GuidedBackprop)),
        ["deconvolution"] = a => a.Sums(Gradients.Saliency(a.Function, absolute: false, GradientRule.Deconvolution)),
        ["smoothgrad"] = a => a.Noisy(NoiseMean.SmoothGrad),
        ["smoothgrad-squared"] = a => a.Noisy(NoiseMean.SmoothGradSquared),
        ["vargrad"] = a => a.Noisy(NoiseMean.VarGrad),
        ["grad-cam"] = a => a.GradCam(),
        ["ablation"] = a => a.Removal.Ablation(a.Progress)[0],
        ["occlusion"] = a => a.Occlusion(),
        ["shapley"] = a => a.Features.Count <= ShapleyValues.MostExact
            ? ShapleyValues.Exact(a.Removal, a.Progress)[0]
            : ShapleyValues.Sampled(a.Removal, a.Options.Samples, a.Options.Seed, a.Progress)[0],
        ["kernel-shap"] = a => LocalSurrogate.KernelShap(a.Removal, 0, a.Sets, a.Options.Seed, a.Progress),
        ["lime"] = a => a.Lime(),
        ["rollout"] = a => a.AtTokens(AttentionFlow.Rollout(a.Function)),
        ["value-zeroing"] = a => a.AtTokens(AttentionFlow.ValueZeroing(a.Function, progress: a.Progress)),
    };

    private static readonly HashSet<string> Complete = ["integrated-gradients", "gradient-shap", "deeplift", "shapley", "kernel-shap"];

    /// <summary>Names of the methods.</summary>
    public static IReadOnlyList<string> Methods { get; } = [.. ByName.Keys];

    /// <summary>Asks.</summary>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">A method does not exist, or the model cannot have it.</exception>
    public InputAttributions Read(IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        Require();
        using var scope = NewDisposeScope();
        using var function = AttributedSubject.Of(subject, metric, options.RowsPerPass, cancellation);
        using var features = function.Features();
        var baseline = function.Baseline(options.Fill);
        using var kept = options.Resume is { } path ? RemovalFile.Open(path, function, metric, options.Fill, features.Count) : null;
        var removal = new FeatureRemoval(function, features, baseline) { Kept = kept };
        bool[] whole = new bool[features.Count], nothing = [.. Enumerable.Repeat(true, features.Count)];
        var ends = removal.Values([(0, whole), (0, nothing)]);
        var sets = RandomSets(features.Count);
        var done = 0;
        var methods = new List<InputScores>();
        foreach (var name in options.Methods)
        {
            using var inner = NewDisposeScope();
            var part = new Part(progress, done++, options.Methods.Count);
            var scores = ByName[name](new Asked(function, features, removal, baseline, options, part));
            double? left = Complete.Contains(name) ? scores.Sum() - (ends[0] - ends[1]) : null;
            methods.Add(new InputScores(
                name, scores, left, RemovalCurve.Deletion(removal, 0, scores, options.RandomOrders, options.Seed),
                RemovalCurve.Insertion(removal, 0, scores, options.RandomOrders, options.Seed), Infidelity(removal, scores, sets, ends[0])));
            part.Report(1);
        }

        return new InputAttributions(subject.Model.Name, metric.Name, ends[0], ends[1], options.Fill, function.Tokens[0], methods);
    }

    /// <summary>Share of the effect of random sets that summed scores, scaled as fits best, leave unforetold.</summary>
    private static double Infidelity(FeatureRemoval removal, double[] scores, IReadOnlyList<bool[]> sets, double value)
    {
        double[] happened = [.. removal.Values([.. sets.Select(s => (0, s))]).Select(v => value - v)];
        double[] foretold = [.. sets.Select(set => set.Zip(scores, (off, score) => off ? score : 0).Sum())];
        var (all, own, both) = (happened.Sum(h => h * h), foretold.Sum(f => f * f), foretold.Zip(happened, (f, h) => f * h).Sum());
        return all == 0 ? 0 : own == 0 ? 1 : Math.Clamp(1 - (both * both / (own * all)), 0, 1);
    }

    private void Require()
    {
        if (subject.Rows != 1)
        {
            throw new VitrineException($"attribution: {subject.Rows} rows; expected one text, picture or observation.");
        }

        if (options.Methods.Count == 0 || options.Steps < 1 || options.Samples < 1 || options.RandomOrders < 1 || options.RandomSets < 1
            || options.RowsPerPass < 1 || options.Noise is not >= 0)
        {
            throw new VitrineException("attribution: names no method, or one of its numbers is below 1.");
        }

        var (name, kinds) = (subject.Model.Name, subject.InputTokens[0].Select(t => t.Kind).ToHashSet());
        foreach (var method in options.Methods)
        {
            if (!ByName.ContainsKey(method))
            {
                throw new VitrineException(
                    $"method '{method}': is unknown; known are {string.Join(", ", Methods)}; the nearest is '{Nearest.Of(method, Methods)}'.");
            }

            if (method is "grad-cam" or "occlusion" && !kinds.Contains(InputKind.Patch))
            {
                throw new VitrineException($"{name}: {method} needs a picture; this model reads words alone. Use ablation.");
            }

            if (RuleOf(method) is { } rule)
            {
                PointRules.Require(rule, subject);
            }

            if (method is "rollout" or "value-zeroing")
            {
                AttentionFlow.Require(subject, method);
            }
        }
    }

    private static GradientRule? RuleOf(string method) => method switch
    {
        "deeplift" => GradientRule.DeepLift,
        "lrp" => GradientRule.Relevance(),
        "guided-backprop" => GradientRule.GuidedBackprop,
        "deconvolution" => GradientRule.Deconvolution,
        _ => null,
    };

    private List<bool[]> RandomSets(int features)
    {
        var random = new Random(options.Seed);
        return [.. Enumerable.Range(0, options.RandomSets).Select(_ =>
        {
            int[] order = [.. Enumerable.Range(0, features)];
            random.Shuffle(order);
            var off = new bool[features];
            foreach (var feature in order[..random.Next(1, features + 1)])
            {
                off[feature] = true;
            }

            return off;
        })];
    }

    private sealed record Asked(
        AttributedSubject Function, InputFeatures Features, FeatureRemoval Removal, Tensor Baseline, InputAttributionOptions Options,
        IProgress<double> Progress)
    {
        private IReadOnlyList<InputToken> Tokens => Function.Tokens[0];

        public int Sets => Options.Samples * SetsASample;

        public double[] Sums(Tensor scores) => Features.Sums(scores)[0].to(float64).cpu().data<double>().ToArray();

        public double[] AtTokens(double[] positions) => [.. Tokens.Select(t => positions[t.Position])];

        /// <remarks>A sample weighs exp(-2 (share that is away)^2).</remarks>
        public double[] Lime()
        {
            var count = (double)Features.Count;
            var drawn = LocalSurrogate.Draws(Features.Count, Sets, Options.Seed);
            return LocalSurrogate.Lime(Removal, 0, drawn, off => Math.Exp(-2 * off * off / (count * count)), ridge: 1e-3, Progress);
        }

        public double[] Noisy(NoiseMean mean)
        {
            var noise = NoiseTunnel.Noise(Function, Options.Samples, Options.Noise, Options.Seed);
            return Sums(NoiseTunnel.Of(Function, f => Gradients.Saliency(f), noise, mean));
        }

        /// <remarks>
        /// Of pixels, what attention of the last block reads: behind it patches that a class token no longer reads have no derivative. Of a policy, patches
        /// where they enter the stack that reads them.
        /// </remarks>
        public double[] GradCam()
        {
            var shape = Function.Subject.Reader.Shape;
            var layer = Function.IsOfPixels ? $"{shape.Name}.{shape.Layers - 1}.{Point.AttnIn.Name}" : Function.Place;
            int[] patches = [.. Tokens.Index().Where(t => t.Item.Kind == InputKind.Patch).Select(t => t.Index)];
            var map = InputAttribution.GradCam.Of(Function, layer, [.. patches.Select(p => Tokens[p].Position)]);
            var scores = new double[Tokens.Count];
            foreach (var (patch, value) in patches.Zip(map))
            {
                scores[patch] = value;
            }

            return scores;
        }

        /// <summary>Squares of 2 x 2 patches, one patch further each time; what is no patch alone. A patch takes the mean of its squares.</summary>
        public double[] Occlusion()
        {
            var squares = Tokens.Index().Select(token => token.Item.Kind != InputKind.Patch
                ? [token.Index]
                : Tokens.Index().Where(o => o.Item.Kind == InputKind.Patch && o.Item.Camera == token.Item.Camera && o.Item.Row - token.Item.Row is 0 or 1
                    && o.Item.Column - token.Item.Column is 0 or 1).Select(o => o.Index).ToArray())
                .Where(square => square.Length is 1 or 4).ToList();
            squares = squares.Any(s => s.Length == 4) ? [.. squares.Where(s => s.Length == 4 || Tokens[s[0]].Kind != InputKind.Patch)] : squares;
            using var together = Features.Together(squares);
            var effects = new FeatureRemoval(Function, together, Baseline).Ablation(Progress)[0];
            return [.. Enumerable.Range(0, Tokens.Count).Select(Mean)];

            double Mean(int input) => squares.Zip(effects).Where(s => s.First.Contains(input)).Select(s => s.Second).DefaultIfEmpty(0).Average();
        }
    }

    private sealed class Part(IProgress<double>? whole, int done, int all) : IProgress<double>
    {
        public void Report(double value) => whole?.Report((done + value) / all);
    }
}
