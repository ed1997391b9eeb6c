// A control vector of two prompts in llama.cpp's file format, and text under it: dotnet run examples/control_vector.cs [MODEL] [TOWARDS] [AWAY] [PROMPT]
#:project ../src/Vitrine.Transformers/Vitrine.Transformers.csproj
using Vitrine.Checkpoints.Gguf;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

using var model = TextModel.Open(args.ElementAtOrDefault(0) ?? "tests/fixtures/models/llama");
var residuals = RunPlan.Capturing("language.*.resid_post");
using var towards = model.Run(args.ElementAtOrDefault(1) ?? "pick it up", residuals);
using var away = model.Run(args.ElementAtOrDefault(2) ?? "put it down", residuals);
var directions = Enumerable.Range(1, model.Language.Shape.Layers - 1)                                      // the format has no layer 0
    .ToDictionary(layer => layer, layer => (Last(towards, layer) - Last(away, layer)).data<float>().ToArray());

var file = Path.Combine(Path.GetTempPath(), "vitrine-control-vector.gguf");
new ControlVector(model.Family, directions).Write(file);
var read = ControlVector.Read(file);
var prompt = model.Encode(args.ElementAtOrDefault(3) ?? "the red block");
foreach (var strength in (double[])[0, 0.5, 1])
{
    var plan = new RunPlan { Edits = [.. read.Directions.Select(d => new Add($"language.{d.Key}.resid_post", EditValue.Of(d.Value), strength))] };
    using var generated = model.Generate(prompt, count: 12, plan);
    Console.WriteLine($"strength {strength,-4} {model.Tokenizer.Decode(generated.Ids[0])}");
}

static TorchSharp.torch.Tensor Last(Run run, int layer) => run[$"language.{layer}.resid_post"][0, -1];
