using Vitrine.Certification;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Tests.Policies;
using Vitrine.Tests.Transformers;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

/// <summary>A model of any kind that runs with one of its parts driven so hard that hardly anything else is written.</summary>
internal sealed class Driven(string name) : IDisposable
{
    private const double Hard = 1e6;

    public Model Model { get; } = OpenedModel.Open(name);

    public IEnumerable<Stack> Stacks => OpenedModel.StacksOf(Model);

    /// <summary>Layers that write: the expert of a flow policy reads no more of the last language layer than its keys and values.</summary>
    public int Layers(Stack stack) => stack.Shape.Layers - (Model is FlowPolicy flow && stack == flow.Language ? 1 : 0);

    /// <summary>
    /// What the feed-forward of a layer added to the stream (d), one neuron driven: of the stream behind and before it, by the family's form.
    /// </summary>
    public Tensor ByNeuron(Stack stack, Neuron neuron)
    {
        var (at, shape, spec) = ($"{stack.Shape.Name}.{neuron.Layer}", stack.Shape, stack.Specs[neuron.Layer]);
        string[] needs = spec.Parallel
            ? [$"{at}.resid_pre", $"{at}.{(shape.Points.Contains(Point.AttnOutPost) ? "attn.out_post" : "attn.out")}"]
            : [$"{at}.resid_mid"];
        var plan = new RunPlan { Capture = [.. needs, $"{at}.resid_post"], Edits = [new Clamp(new NeuronSet([neuron], shape.Name), Hard)] };
        using var run = Run(plan);
        var post = Last(run, $"{at}.resid_post");
        return spec.Norms is NormPlaces.PostNorm or NormPlaces.PostNormOfSums
            ? post - stack.Blocks[neuron.Layer].Weights.MlpPostNorm!.Bias!.to(float64)                     // all that the norm lets through, beside its bias
            : needs.Aggregate(post, (left, need) => left - Last(run, need));
    }

    /// <summary>What attention of a layer added to the stream (d), one head driven, and that head's z (hd).</summary>
    public (Tensor Added, Tensor Z) ByHead(Stack stack, int layer, int head)
    {
        var (at, shape, spec) = ($"{stack.Shape.Name}.{layer}", stack.Shape, stack.Specs[layer]);
        string[] needs = spec.Parallel
            ? [$"{at}.resid_pre", $"{at}.{(shape.Points.Contains(Point.MlpOutPost) ? "mlp.out_post" : "mlp.out")}"]
            : [$"{at}.resid_pre"];
        var behind = spec.Parallel ? $"{at}.resid_post" : $"{at}.resid_mid";
        var drive = new Scale($"{at}.attn.z", Hard) { Scope = new EditScope { Heads = [head] } };
        using var run = Run(new RunPlan { Capture = [.. needs, behind, $"{at}.attn.z"], Edits = [drive] });
        var post = Last(run, behind);
        post = spec.Norms == NormPlaces.PostNormOfSums
            ? stack.Blocks[layer].Weights.AttentionPostNorm!.Apply(post.to(float32)).to(float64)           // the point stands in front of the norm
            : post;
        var added = spec.Norms is NormPlaces.PostNorm or NormPlaces.PostNormOfSums
            ? post - stack.Blocks[layer].Weights.AttentionPostNorm!.Bias!.to(float64)
            : needs.Aggregate(post, (left, need) => left - Last(run, need));
        return (added, Last(run, $"{at}.attn.z")[head]);
    }

    public void Dispose() => Model.Dispose();

    private static Tensor Last(Run run, string address) => run[address][0, -1].to(float64);

    private Run Run(RunPlan plan)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        switch (Model)
        {
            case Policy policy:
                return policy.With(plan, policy.UnitKeys.First()).Act([PolicyExample.Observe(name)], cancellation: TestContext.Current.CancellationToken).Run;
            case VisionModel vision:
                var @case = fixture.Meta.GetProperty("cases")[0].GetString();
                var pixels = fixture.Read($"{@case}/in.pixel_values").narrow(0, 0, 1);
                return vision.Text is null
                    ? vision.Run(pixels, plan)
                    : vision.Match(pixels, TokenBatch.Of(fixture.IdRows($"{@case}/in.input_ids")[0]), plan).Run;
            case TextModel { Sees: true } seeing:
                return seeing.Run(Seeing.Batch(fixture, rows: 1), plan);
            default:
                return ((TextModel)Model).Run(TokenBatch.Of(3, 7, 4, 9), plan);
        }
    }
}
