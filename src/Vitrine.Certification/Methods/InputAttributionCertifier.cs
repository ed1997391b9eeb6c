using System.Globalization;
using System.Text.RegularExpressions;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.InputAttribution;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Methods;

/// <summary>Certifies goldens of attribution to inputs (Captum): of a plain function, a text model and an image encoder.</summary>
internal sealed class InputAttributionCertifier : ICertifier
{
    private static readonly string[] Gradients =
        ["saliency", "saliency_signed", "guided_backprop", "deconvolution", "neuron_gradient", "internal_influence", "ig.gradients_only", "noise_tunnel"];

    /// <inheritdoc/>
    public bool Knows(Fixture fixture)
        => fixture is not null && fixture.Meta.TryGetProperty("functions", out _) && fixture.Keys.Any(k => k.Contains("/ig.", StringComparison.Ordinal));

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        foreach (var name in fixture.Meta.GetProperty("cases").EnumerateArray().Select(c => c.GetString()!))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var attributed = AttributionCase.Open(fixture, name);
            foreach (var key in fixture.KeysOf(name))
            {
                using var inner = NewDisposeScope();
                if (attributed.IsInput(key))
                {
                    continue;
                }

                var isGradient = Gradients.Any(g => key == g || key.StartsWith(g + ".", StringComparison.Ordinal));
                yield return attributed.Value(key) is { } found
                    ? Comparison.Of(name, key, found, fixture.Read($"{name}/{key}"), relativeToLargest: isGradient)
                    : CertificateRow.Failed(name, key, "this key is not known");
            }
        }
    }
}

/// <summary>A function of the reference, and what its goldens are called.</summary>
internal sealed partial class AttributionCase : IDisposable
{
    private static readonly Dictionary<string, PathSum> Sums = new()
    {
        ["gausslegendre"] = PathSum.GaussLegendre,
        ["riemann_left"] = PathSum.Left,
        ["riemann_right"] = PathSum.Right,
        ["riemann_middle"] = PathSum.Middle,
        ["riemann_trapezoid"] = PathSum.Trapezoid,
    };

    private readonly Fixture fixture;
    private readonly string name;
    private readonly Attributed function;
    private readonly Func<Tensor> output;
    private readonly string stack;
    private readonly IDisposable?[] owned;
    private readonly Tensor baseline;
    private readonly HashSet<string> inputs =
    [
        "in.x", "in.target", "in.baseline", "in.groups", "in.baseline_distribution", "in.ids", "in.pair", "in.image", "in.head", "lime.in.masks",
        "metric.in.noise", "noise_tunnel.in.noise", "gradient_shap.in.coefficients", "gradient_shap.in.baseline_rows",
    ];

    private AttributionCase(Fixture fixture, string name, Attributed function, Func<Tensor> output, string stack, params IDisposable?[] owned)
    {
        (this.fixture, this.name, this.function, this.output, this.stack, this.owned) = (fixture, name, function, output, stack, owned);
        baseline = Read("in.baseline");
    }

    public static AttributionCase Open(Fixture fixture, string name)
    {
        var path = fixture.Meta.GetProperty("models").GetProperty(name).GetString()!;
        if (fixture.Has($"{name}/in.ids"))
        {
            var model = TextModel.Open(MethodsCertifier.Folder(fixture, path));
            var pair = fixture.Integers($"{name}/in.pair");
            var subject = Subject.Of(model, TokenBatch.Of(fixture.IdRows($"{name}/in.ids")));
            var text = AttributedSubject.Of(subject, new LogitDifferenceMetric([(int)pair[0]], [(int)pair[1]]));
            return new AttributionCase(fixture, name, text, text.Values, model.Language.Shape.Name, text, model);
        }

        if (fixture.Has($"{name}/in.image"))
        {
            var model = VisionModel.Open(MethodsCertifier.Folder(fixture, path));
            var head = fixture.Read($"{name}/in.head");
            var pixels = fixture.Read($"{name}/in.image");
            var seen = AttributedSubject.Of(Subject.Of(model, pixels), new HeadMetric(head, [.. fixture.Integers($"{name}/in.target")]));
            return new AttributionCase(fixture, name, seen, Scores, model.Tower.Shape.Name, seen, model);

            Tensor Scores()
            {
                using var run = model.Run(pixels);
                return HeadMetric.Scores(run, head);
            }
        }

        var weights = Weights(fixture, path[..path.IndexOf(' ', StringComparison.Ordinal)]);
        var target = fixture.Integers($"{name}/in.target");
        var x = fixture.Read($"{name}/in.x");
        var function = new AttributedFunction(x, (at, rows, visits)
            => Layers(at, weights, visits).gather(1, tensor(rows.Select(r => target[r]).ToArray()).unsqueeze(1)).squeeze(1));
        return new AttributionCase(fixture, name, function, () => Layers(x, weights, visits: null), stack: "");
    }

    /// <summary>Whether a key is an input that this case knows.</summary>
    public bool IsInput(string key) => inputs.Contains(key);

    /// <summary>What we find for a key; null where it is not known.</summary>
    public Tensor? Value(string key)
    {
        if (key.EndsWith(".delta", StringComparison.Ordinal))
        {
            return DeltaOf(key[..^".delta".Length]);
        }

        var (method, rest) = key.IndexOf('.', StringComparison.Ordinal) is var dot and > 0 ? (key[..dot], key[(dot + 1)..]) : (key, "");
        return (method, rest) switch
        {
            ("in", "embeddings") => function.Inputs,
            ("output", "") => output(),
            ("output_baseline", "") => function.Values(baseline.expand(function.Inputs.shape), [.. Enumerable.Range(0, function.Rows)]),
            ("saliency", "") => Mechanisms.InputAttribution.Gradients.Saliency(function),
            ("saliency_signed", "") => Signed(function),
            ("input_x_gradient", "") => Mechanisms.InputAttribution.Gradients.TimesInput(function),
            ("guided_backprop", "") => Mechanisms.InputAttribution.Gradients.Saliency(function, absolute: false, GradientRule.GuidedBackprop),
            ("deconvolution", "") => Mechanisms.InputAttribution.Gradients.Saliency(function, absolute: false, GradientRule.Deconvolution),
            ("deeplift", "") => Mechanisms.InputAttribution.Gradients.DeepLift(function, baseline),
            ("deeplift", _) when rest.StartsWith("layer_", StringComparison.Ordinal)
                => Mechanisms.InputAttribution.Gradients.DeepLift(function, baseline, rest["layer_".Length..]),
            ("deeplift_shap", "") => Mechanisms.InputAttribution.Gradients.DeepLiftShap(function, Read("in.baseline_distribution"), out _),
            ("gradient_shap", "") => GradientShap(out _),
            ("ig", _) => Integrated(rest),
            ("layer_ig", "embed_tokens") => Steps("layer").OfLayer(function, baseline, $"{stack}.embed"),
            ("layer_ig", _) when HasLayer(rest) => Steps("layer").OfLayer(function, baseline, Layer(rest)),
            ("layer_conductance", _) when rest.EndsWith(".tokens", StringComparison.Ordinal) => Conductance(rest[..^".tokens".Length]).sum(-1),
            ("layer_conductance", _) when rest.EndsWith(".total", StringComparison.Ordinal) => Conductance(rest[..^".total".Length]).sum(1),
            ("layer_conductance", _) when HasLayer(rest) => Conductance(rest),
            ("internal_influence", _) when HasLayer(rest) => Steps("layer").InternalInfluence(function, baseline, Layer(rest)),
            ("layer_activation", _) when HasLayer(rest) => function.Evaluate(function.Inputs, Rows(), new EvaluationQuery { Layer = Layer(rest) }).Activation,
            ("layer_gradient_x_activation", _) when HasLayer(rest) => Mechanisms.InputAttribution.Gradients.TimesActivation(function, Layer(rest)),
            ("neuron_gradient", _) when Neuron(rest) is var (layer, at) => function.Evaluate(
                function.Inputs, Rows(), new EvaluationQuery { Layer = layer, Neuron = at, Gradient = true }).Gradient,
            ("neuron_ig", _) when Neuron(rest) is var (layer, at) => Steps("layer").OfNeuron(function, baseline, layer, at),
            ("neuron_conductance", _) when Neuron(rest) is var (layer, at) => NeuronConductance(layer, at),
            ("noise_tunnel", "smoothgrad") => Noisy(NoiseMean.SmoothGrad),
            ("noise_tunnel", "smoothgrad_sq") => Noisy(NoiseMean.SmoothGradSquared),
            ("noise_tunnel", "vargrad") => Noisy(NoiseMean.VarGrad),
            ("lrp", _) when Relevance(rest) is { } rule => Mechanisms.InputAttribution.Gradients.TimesInput(function, rule),
            ("feature_ablation", "") => Removed(InputFeatures.Each(function.Inputs), baseline, r => r.Ablation()),
            ("feature_ablation", "groups") => Removed(Groups(), baseline, r => r.Ablation()),
            ("feature_ablation", "tokens") => Removed(Tokens(), zeros(1), r => r.Ablation(), spread: false),
            ("feature_ablation", "tokens_baseline") => Removed(Tokens(), baseline, r => r.Ablation(), spread: false),
            ("feature_ablation", "patches") => Removed(Windows("patches"), baseline, r => r.Ablation(), spread: false).reshape(function.Rows, Side, Side),
            ("occlusion", _) when rest.Replace("_baseline", "", StringComparison.Ordinal) is "patches" or "overlapping" or "ragged" or "per_channel" => Removed(
                Windows(rest.Replace("_baseline", "", StringComparison.Ordinal)),
                rest.EndsWith("_baseline", StringComparison.Ordinal) ? baseline : zeros(1), r => r.Ablation()),
            ("shapley", "") => Removed(InputFeatures.Each(function.Inputs), baseline, r => ShapleyValues.Exact(r)),
            ("shapley", "groups") => Removed(Groups(), baseline, r => ShapleyValues.Exact(r)),
            ("lime", "linear") => Lime(0),
            ("lime", "ridge") => Lime(Number("lime.*", @"ridge alpha ([\d.]+)")),
            ("metric", "infidelity") => Infidelity(normalised: false),
            ("metric", "infidelity_normalized") => Infidelity(normalised: true),
            ("metric", "sensitivity_max") => AttributionChecks.MaxSensitivity(function, Signed, Read("metric.in.noise")),
            _ => null,
        };
    }

    public void Dispose()
    {
        foreach (var one in owned)
        {
            one?.Dispose();
        }
    }

    private int Side => (int)(function.Inputs.shape[^1] / PatchSize);

    private int PatchSize => ((Vitrine.Transformers.VisionModel)((AttributedSubject)function).Subject.Model).Tower.Around.PatchSize;

    private Tensor Read(string key) => fixture.Read($"{name}/{key}");

    private IReadOnlyList<int> Rows() => [.. Enumerable.Range(0, function.Rows)];

    private bool HasLayer(string text) => text.Length > 0 && (stack.Length == 0 ? LayerName().IsMatch(text) : char.IsAsciiDigit(text[0]));

    private string Layer(string text) => stack.Length == 0 ? text : $"{stack}.{text}";

    /// <remarks>The coordinates stand behind the layer's name: one of a plain function, token and neuron of a model.</remarks>
    private (string Layer, int[] At)? Neuron(string text)
    {
        var parts = text.Split('.');
        var count = stack.Length == 0 ? 1 : 2;
        return parts.Length > count && HasLayer(text) && parts[^count..].All(p => int.TryParse(p, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            ? (Layer(string.Join('.', parts[..^count])), [.. parts[^count..].Select(p => int.Parse(p, CultureInfo.InvariantCulture))])
            : null;
    }

    private Tensor? DeltaOf(string method)
    {
        switch (method)
        {
            case "deeplift_shap":
                Mechanisms.InputAttribution.Gradients.DeepLiftShap(function, Read("in.baseline_distribution"), out var shap);
                return shap;
            case "gradient_shap":
                GradientShap(out var deltas);
                return deltas;
            case "ig.zero_baseline":
                return Integrated("zero_baseline") is { } zero ? function.Delta(zero, zeros(1)) : null;
        }

        // LRP's delta is what the relevances leave of the output.
        if (method.StartsWith("lrp.", StringComparison.Ordinal))
        {
            return Value(method) is { } relevance ? function.Values() - relevance.sum(-1) : null;
        }

        var isComplete = method.Split('.')[0] is "ig" or "deeplift" or "layer_ig" or "layer_conductance";
        return isComplete && Value(method) is { } scores ? function.Delta(scores, baseline) : null;
    }

    private IntegratedGradients Steps(string of) => new()
    {
        Steps = (int)Number(of == "ig" ? "ig.*" : "layer_ig, layer_conductance, internal_influence", @"n_steps=(\d+)"),
    };

    private Tensor? Integrated(string form)
    {
        var tokens = form.EndsWith(".tokens", StringComparison.Ordinal);
        form = tokens ? form[..^".tokens".Length] : form;
        var plain = Steps("ig");
        var scores = form switch
        {
            "zero_baseline" => plain.Of(function, zeros(1)),
            "gradients_only" => (plain with { TimesInput = false }).Of(function, baseline),
            _ => Sums.TryGetValue(form, out var sum) ? (plain with { Sum = sum }).Of(function, baseline) : null,
        };
        return tokens ? scores?.sum(-1) : scores;
    }

    private Tensor Conductance(string layer) => Steps("layer").Conductance(function, baseline, Layer(layer));

    /// <remarks>Its call is not described; the library's default there is the trapezoid rule.</remarks>
    private Tensor NeuronConductance(string layer, int[] at) => (Steps("layer") with { Sum = PathSum.Trapezoid }).Conductance(function, baseline, layer, at);

    private Tensor Infidelity(bool normalised) => AttributionChecks.Infidelity(function, Integrated("gausslegendre")!, Read("metric.in.noise"), normalised);

    private Tensor GradientShap(out Tensor deltas)
    {
        var shares = fixture.Numbers($"{name}/gradient_shap.in.coefficients");
        var rows = fixture.Integers($"{name}/gradient_shap.in.baseline_rows");
        return Mechanisms.InputAttribution.Gradients.GradientShap(
            function, Read("in.baseline_distribution"), [.. shares.Zip(rows, (share, row) => (share, (int)row))], out deltas);
    }

    private Tensor Noisy(NoiseMean mean) => NoiseTunnel.Of(function, Signed, Read("noise_tunnel.in.noise"), mean);

    private GradientRule? Relevance(string form) => form switch
    {
        "epsilon" => GradientRule.Relevance(Number("lrp.*", @"EpsilonRule\(([\d.e-]+) \|")),
        "epsilon_large" => GradientRule.Relevance(Number("lrp.*", @"EpsilonRule\([\d.e-]+ \| ([\d.e-]+)\)")),
        "gamma" => GradientRule.Relevance(gamma: Number("lrp.*", @"GammaRule\(([\d.e-]+)\)")),
        _ => null,
    };

    private Tensor Lime(double ridge)
    {
        var kept = fixture.Rows($"{name}/lime.in.masks");
        var width = Number("lime.*", @"exp\(-\(features off\)\^2 / ([\d.]+)\)");
        using var features = InputFeatures.Each(function.Inputs);
        var found = LocalSurrogate.Lime(
            new FeatureRemoval(function, features, baseline), 0, [.. kept.Select(row => row.Select(on => on != 0).ToArray())],
            off => Math.Exp(-(off * off) / width), ridge);
        return tensor(found, [1, found.Length]);
    }

    private Tensor Removed(InputFeatures features, Tensor against, Func<FeatureRemoval, double[][]> method, bool spread = true)
    {
        using (features)
        {
            var scores = method(new FeatureRemoval(function, features, against));
            var table = tensor(scores.SelectMany(row => row).ToArray(), [scores.Length, features.Count], float32);
            var each = spread ? features.Spread(table, function.Inputs) : table;
            return spread && stack.Length > 0 && !IsPicture ? each.select(-1, 0) : each;
        }
    }

    private bool IsPicture => function is AttributedSubject { IsOfPixels: true };

    private InputFeatures Tokens() => InputFeatures.OfPositions([.. Enumerable.Range(0, (int)function.Inputs.shape[1])], (int)function.Inputs.shape[1]);

    private InputFeatures Groups()
    {
        var groups = Read("in.groups");
        return InputFeatures.OfGroups(stack.Length == 0 ? groups.squeeze(0) : groups.unsqueeze(-1));
    }

    private InputFeatures Windows(string form)
    {
        long channels = function.Inputs.shape[1], p = PatchSize;
        var (window, stride) = form switch
        {
            "per_channel" => (new[] { 1, p, p }, new[] { 1, p, p }),
            "overlapping" => ([channels, p, p], [channels, p / 2, p / 2]),
            "ragged" => (Sizes(1), Sizes(2)),
            _ => (new[] { channels, p, p }, new[] { channels, p, p }),
        };
        return InputFeatures.OfWindows(function.Inputs.shape[1..], window, [.. stride.Zip(window, Math.Min)]);

        long[] Sizes(int group) => [.. Call("occlusion.*", @"ragged \((\d+,\d+,\d+)\)/\((\d+,\d+,\d+)\)").Groups[group].Value.Split(',')
            .Select(s => long.Parse(s, CultureInfo.InvariantCulture))];
    }

    private double Number(string call, string pattern) => double.Parse(Call(call, pattern).Groups[1].Value, CultureInfo.InvariantCulture);

    private Match Call(string call, string pattern)
    {
        var said = fixture.Meta.GetProperty("calls").GetProperty(call).GetString()!;
        return Regex.Match(said, pattern) is { Success: true } match
            ? match
            : throw new VitrineException($"{fixture.Folder}: meta.json describes the call '{call}' as '{said}'; expected it to say {pattern}.");
    }

    private static Tensor Signed(Attributed function) => Mechanisms.InputAttribution.Gradients.Saliency(function, absolute: false);

    private static Tensor Layers(Tensor x, IReadOnlyList<(Tensor Weight, Tensor Bias)> weights, LayerVisits? visits)
    {
        foreach (var (i, (weight, bias)) in weights.Index())
        {
            x = visits?.Linear($"fc{i + 1}", x, weight, bias) ?? nn.functional.linear(x, weight, bias);
            x = i == weights.Count - 1 ? x : visits?.Relu($"act{i + 1}", x) ?? nn.functional.relu(x);
        }

        return x;
    }

    private static List<(Tensor Weight, Tensor Bias)> Weights(Fixture fixture, string file)
    {
        using var stored = SafetensorsFile.Open(Path.Combine(fixture.Folder, Path.GetFileName(file)));
        var layers = new List<(Tensor, Tensor)>();
        while (stored.Tensors.ContainsKey($"fc{layers.Count + 1}.weight"))
        {
            layers.Add((stored.Read($"fc{layers.Count + 1}.weight"), stored.Read($"fc{layers.Count + 1}.bias")));
        }

        return layers.Count > 0 ? layers : throw new VitrineException($"{fixture.Folder}: {file} holds no fc1.weight.");
    }

    [GeneratedRegex(@"^(fc|act)\d+(\.\d+)?$")]
    private static partial Regex LayerName();
}

/// <summary>A linear head on the mean of an encoder's features, which a fixture brings.</summary>
/// <param name="Head">(d,classes).</param>
/// <param name="Target">[row].</param>
internal sealed record HeadMetric(Tensor Head, IReadOnlyList<long> Target) : Metric
{
    /// <inheritdoc/>
    public override string Name => "logit of a given head";

    /// <summary>(B,classes).</summary>
    public static Tensor Scores(Run run, Tensor head) => run.Logits.mean([1]).matmul(head);

    /// <inheritdoc/>
    public override Tensor Of(SubjectRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return Scores(run.Run, Head).gather(1, tensor(run.Subject.Origins.Select(o => Target[o]).ToArray()).unsqueeze(1)).squeeze(1);
    }
}
