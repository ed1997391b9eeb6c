// An edit of one's own: one public record. It is bound, applied and saved like those that come along. dotnet run examples/own_edit.cs [MODEL] [TEXT]
#:project ../src/Vitrine.Transformers/Vitrine.Transformers.csproj
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

using var model = TextModel.Open(args.ElementAtOrDefault(0) ?? "tests/fixtures/models/llama");
var text = args.ElementAtOrDefault(1) ?? "the red block";
using var plain = model.Run(text);
foreach (var step in (double[])[0.001, 0.01, 0.1, 1])
{
    using var coarse = model.Run(text, RunPlan.Editing(new Coarse("language.*.mlp.neurons", step)));
    Console.WriteLine($"neurons in steps of {step,-6} move a logit by up to {(coarse.Logits - plain.Logits).abs().max().item<float>():0.0000}");
}

var plan = RunPlan.FromJson(RunPlan.Editing(new Coarse("language.*.mlp.neurons", 0.1)).ToJson());
Console.WriteLine($"read back from JSON: {plan.Edits[0]}");

/// <summary>Rounds to multiples of a step: how much precision does an activation need?</summary>
[EditName("coarse")]
public sealed record Coarse(string At, double Step) : Edit
{
    public override IEnumerable<string> Places() => [At];

    protected override Func<Tensor, Pass, Tensor> Bind(EditSite site)
    {
        var (region, step) = (site.RegionOf(Scope), site.Own(tensor(Step)));
        return (x, pass) => region.Write(x, pass, (x / step).round() * step);
    }
}
