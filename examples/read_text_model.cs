// What a text model would say next, and the activations of one layer: dotnet run examples/read_text_model.cs [MODEL] [TEXT]
#:project ../src/Vitrine.Transformers/Vitrine.Transformers.csproj
using Vitrine.Transformers;

using var model = TextModel.Open(args.ElementAtOrDefault(0) ?? "tests/fixtures/models/llama");
using var run = model.Run(args.ElementAtOrDefault(1) ?? "the red block", RunPlan.Capturing("language.*.mlp.neurons"));
var (logits, ids) = run.Logits[0, -1].topk(5);
foreach (var (logit, id) in logits.data<float>().Zip(ids.data<long>()))
{
    Console.WriteLine($"{logit,6:0.00}  {model.Tokenizer.Token((int)id)}");
}

var (activation, neuron) = run["language.1.mlp.neurons"][0, -1].max(0);
Console.WriteLine($"of layer 1, neuron {neuron.item<long>()} fires most at the last token: {activation.item<float>():0.00}");
