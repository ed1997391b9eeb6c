using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Pictures;

/// <summary>What is read of a picture, held against the numbers of the reference libraries.</summary>
public sealed class PictureReadingTests
{
    private const double Bound = 5e-5;

    public static TheoryData<string> Names() => Encoder.Names();

    [Theory, MemberData(nameof(Names))]
    public void Heads_look_where_the_reference_says(string name)
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Open(name);
        var reading = PictureReading.Of(encoder.Model, encoder.Pixels, new ReadingOptions { Query = "mean" });
        reading.Attention.Count.ShouldBe(encoder.Layers * encoder.Model.Tower.Shape.Heads);
        foreach (var head in reading.Attention)
        {
            var golden = encoder.Golden($"{encoder.Stack}.{head.Layer}.attn.pattern")[head.Head].narrow(
                0, encoder.Tokens.Prefix.Count, encoder.Tokens.Patches).mean([0]);
            Distance([.. head.OnPrefix, .. head.Map.Values], golden).ShouldBeLessThan(Bound);
            (head.OnPrefix.Sum() + head.MassOnPatches).ShouldBe(1, 1e-5);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void The_rollout_is_the_product_of_the_reference_s_patterns(string name)
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Open(name);
        var reading = PictureReading.Of(encoder.Model, encoder.Pixels, new ReadingOptions());
        var query = PictureQuery.Parse(null, encoder.Tokens).Tokens;
        var product = eye(encoder.Tokens.Count, dtype: float64);
        for (var layer = 0; layer < encoder.Layers; layer++)
        {
            var mixed = (encoder.Golden($"{encoder.Stack}.{layer}.attn.pattern").mean([0]) + eye(encoder.Tokens.Count, dtype: float64)) / 2;
            product = mixed.matmul(product);
            var row = product[tensor([.. query.Select(t => (long)t)])].mean([0]);
            Distance([.. reading.Rollout[layer].OnPrefix, .. reading.Rollout[layer].Map.Values], row).ShouldBeLessThan(Bound);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Norms_are_those_of_the_reference(string name)
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Open(name);
        var reading = PictureReading.Of(encoder.Model, encoder.Pixels, new ReadingOptions());
        foreach (var layer in reading.Norms.Layers)
        {
            var golden = encoder.Golden(layer.Layer < 0 ? $"{encoder.Stack}.embed" : $"{encoder.Stack}.{layer.Layer}.resid_post").norm(-1);
            Distance([.. layer.Norms.Select(n => n / 10)], golden / 10).ShouldBeLessThan(Bound * 10);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void A_head_is_mapped_by_its_values_and_by_what_it_writes(string name)
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Open(name);
        var reading = PictureReading.Of(encoder.Model, encoder.Pixels, new ReadingOptions { Layer = 1 });
        reading.Heads.Count.ShouldBe(encoder.Model.Tower.Shape.Heads);
        using var run = encoder.Model.Run(encoder.Pixels, RunPlan.Capturing($"{encoder.Stack}.1.attn.out*"));
        var added = encoder.Model.Tower.Shape.Points.Contains(Point.AttnOutPost) ? "attn.out_post" : "attn.out";
        foreach (var head in reading.Heads)
        {
            var z = encoder.Golden($"{encoder.Stack}.1.attn.z").select(1, head.Head).norm(-1).narrow(0, encoder.Tokens.Prefix.Count, encoder.Tokens.Patches);
            Distance(head.Z.Values, z).ShouldBeLessThan(Bound * 10);

            // What the other heads and the bias write does not change when this head is taken away, so the difference is what it writes.
            using var without = encoder.Model.Run(encoder.Pixels,
                new RunPlan
                {
                    Capture = [$"{encoder.Stack}.1.{added}"],
                    Edits = [new Vitrine.Transformers.Edits.Zero($"{encoder.Stack}.1.attn.z") { Scope = new() { Heads = [head.Head] } }],
                });
            var written = (run[$"{encoder.Stack}.1.{added}"] - without[$"{encoder.Stack}.1.{added}"])[0].to(float64).norm(-1).narrow(
                0, encoder.Tokens.Prefix.Count, encoder.Tokens.Patches);
            Distance(head.Written.Values, written).ShouldBeLessThan(1e-4);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void A_neuron_that_is_named_is_the_one_that_is_shown(string name)
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Open(name);
        var wanted = new Neuron(2, 7);
        var shown = PictureReading.Of(encoder.Model, encoder.Pixels, new ReadingOptions { Neurons = [wanted] }).Neurons.ShouldHaveSingleItem();
        (shown.Layer, shown.Index).ShouldBe((2, 7));
        Distance([.. shown.OnPrefix, .. shown.Map.Values], encoder.Golden($"{encoder.Stack}.2.mlp.neurons").select(1, 7)).ShouldBeLessThan(Bound * 10);
    }

    /// <remarks>
    /// All neurons of a layer together write mlp.out less the bias, so their shares add up to (mlp.out - bias) . x / |x|^2, and the bias's part is what is left
    /// when all are silenced.
    /// </remarks>
    [Theory, MemberData(nameof(Names))]
    public void Shares_of_the_neurons_add_up_to_what_the_feed_forward_writes(string name)
    {
        using var scope = NewDisposeScope();
        using var encoder = Encoder.Open(name);
        var (shape, token) = (encoder.Model.Tower.Shape, encoder.Tokens.Prefix.Count + 3);
        var added = $"{shape.Name}.0.{(shape.Points.Contains(Point.MlpOutPost) ? "mlp.out_post" : "mlp.out")}";
        using var run = encoder.Model.Run(encoder.Pixels, RunPlan.Capturing($"{shape.Name}.0.resid_post", $"{shape.Name}.0.mlp.neurons", added));
        using var silent = encoder.Model.Run(
            encoder.Pixels, new RunPlan { Capture = [added], Edits = [new Vitrine.Transformers.Edits.Zero($"{shape.Name}.0.mlp.neurons")] });
        var x = run[$"{shape.Name}.0.resid_post"][0, token].to(float64);
        var written = (run[added][0, token] - silent[added][0, token]).to(float64);
        var writers = NormWriters.Of(run, encoder.Model.Tower, 0, token, shape.Neurons);
        writers.Sum(w => w.Share).ShouldBe((written * x).sum().item<double>() / (x * x).sum().item<double>(), 1e-5);
        writers.Select(w => w.Share).ShouldBeInOrder(SortDirection.Descending);
    }

    [Theory, MemberData(nameof(Names))]
    public void An_outlier_of_a_layer_has_its_writers_named(string name)
    {
        using var encoder = Encoder.Open(name);
        var outliers = PictureReading.Of(encoder.Model, encoder.Pixels, new ReadingOptions { Norms = new NormRule(CutOff: 1e-3) }).Norms.Outliers;
        outliers.Count.ShouldBe(encoder.Tokens.Patches);
        outliers.ShouldAllBe(o => o.Writers.Count == (o.PeakLayer < 0 || outliers.TakeWhile(other => other != o).Count() >= 24 ? 0 : 3));
    }

    [Theory, MemberData(nameof(Names))]
    public void The_neurons_that_are_chosen_write_most(string name)
    {
        using var encoder = Encoder.Open(name);
        var indices = Enumerable.Range(0, encoder.Model.Tower.Shape.Neurons);
        Neuron[] neurons = [.. Enumerable.Range(0, encoder.Layers).SelectMany(l => indices.Select(i => new Neuron(l, i)))];
        var all = PictureReading.Of(encoder.Model, encoder.Pixels, new ReadingOptions { Neurons = neurons }).Neurons;
        var chosen = PictureReading.Of(encoder.Model, encoder.Pixels, new ReadingOptions { NeuronCount = 5 }).Neurons;
        chosen.Select(n => (n.Layer, n.Index)).ShouldBe(all.OrderByDescending(n => n.Share).Take(5).Select(n => (n.Layer, n.Index)));
    }

    [Theory]
    [InlineData("layer", 99), InlineData("head", 99), InlineData("neuron", 99_999), InlineData("layer", -1)]
    public void What_the_tower_lacks_is_refused_with_how_many_there_are(string what, int index)
    {
        using var encoder = Encoder.Open(Names().First().Data);
        var options = what switch
        {
            "layer" => new ReadingOptions { Layer = index },
            "head" => new ReadingOptions { Head = index },
            _ => new ReadingOptions { Neurons = [new Neuron(0, index)] },
        };
        Should.Throw<VitrineException>(() => PictureReading.Of(encoder.Model, encoder.Pixels, options)).Message.ShouldStartWith(
            $"{what} {index}: stack '{encoder.Stack}' has ");
    }

    private static double Distance(IEnumerable<float> values, Tensor golden)
    {
        var found = values.ToArray();
        golden.numel().ShouldBe(found.Length);
        return found.Zip(golden.contiguous().data<double>().ToArray(), (a, b) => Math.Abs(a - b)).Max();
    }
}
