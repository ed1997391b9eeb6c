// A sweep over the heads of the last block computes that block alone: runs start at a cached residual. dotnet run examples/start_at_residual.cs [MODEL] [TEXT]
#:project ../src/Vitrine.Transformers/Vitrine.Transformers.csproj
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

using var model = TextModel.Open(args.ElementAtOrDefault(0) ?? "tests/fixtures/models/llama");
var prompt = model.Encode(args.ElementAtOrDefault(1) ?? "the red block");
var shape = model.Language.Shape;
var last = shape.Layers - 1;

using var whole = model.Run(prompt, RunPlan.Capturing([.. RunStart.Needs(shape, last)]));
var start = RunStart.From(whole, shape, last);
for (var head = 0; head < shape.Heads; head++)
{
    var plan = RunPlan.Editing(new Zero($"language.{last}.attn.z") { Scope = new EditScope { Heads = [head] } });
    using var fromCache = model.Run(prompt, plan, start);
    using var fromScratch = model.Run(prompt, plan);
    var moved = Apart(fromCache, whole);
    Console.WriteLine($"without head {head} a logit moves by up to {moved:0.000}; a run from the embeddings differs by {Apart(fromCache, fromScratch)}");
}

static float Apart(Run one, Run other) => (one.Logits - other.Logits)[0, -1].abs().max().item<float>();
