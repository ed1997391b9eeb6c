// What a text model would say next: dotnet run examples/read_text_model.cs [MODEL] [TEXT]
#:project ../src/Vitrine.Transformers/Vitrine.Transformers.csproj
using Vitrine.Transformers;

using var model = TextModel.Open(args.ElementAtOrDefault(0) ?? "tests/fixtures/models/llama");
using var run = model.Run(args.ElementAtOrDefault(1) ?? "the red block");
foreach (var (id, logit) in Ranking.Largest(run.Logits[0, -1], 5))
{
    Console.WriteLine($"{logit,6:0.00}  {model.Tokenizer.Token(id)}");
}
