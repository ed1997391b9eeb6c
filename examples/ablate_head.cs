// Ablates one attention head and shows which tokens it spoke for and against: dotnet run examples/ablate_head.cs [MODEL] [TEXT] [LAYER] [HEAD]
#:project ../src/Vitrine.Transformers/Vitrine.Transformers.csproj
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

using var model = TextModel.Open(args.ElementAtOrDefault(0) ?? "tests/fixtures/models/llama");
var text = args.ElementAtOrDefault(1) ?? "the red block";
var (layer, head) = (int.Parse(args.ElementAtOrDefault(2) ?? "1"), int.Parse(args.ElementAtOrDefault(3) ?? "2"));

var without = new Zero($"language.{layer}.attn.z") { Scope = new EditScope { Heads = [head] } };
using var plain = model.Run(text);
using var ablated = model.Run(text, RunPlan.Editing(without));

var change = (plain.Logits - ablated.Logits)[0, -1].data<float>().ToArray();                               // what the head adds
var order = Enumerable.Range(0, change.Length).OrderByDescending(i => change[i]).ToArray();
Console.WriteLine($"head {head} of layer {layer} at the last token of '{text}'");
Console.WriteLine($"speaks for:     {string.Join("  ", order.Take(5).Select(Shown))}");
Console.WriteLine($"speaks against: {string.Join("  ", order.TakeLast(5).Reverse().Select(Shown))}");

string Shown(int id) => $"{model.Tokenizer.Token(id)} {change[id]:+0.00;-0.00}";
