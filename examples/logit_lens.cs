// The logit lens: what the model would say if it stopped behind each part of each block. dotnet run examples/logit_lens.cs [MODEL] [TEXT]
#:project ../src/Vitrine.Transformers/Vitrine.Transformers.csproj
using Vitrine.Transformers;
using Vitrine.Transformers.Caches;

using var model = TextModel.Open(args.ElementAtOrDefault(0) ?? "tests/fixtures/models/llama");
using var whole = ActivationCache.Of(model, model.Encode(args.ElementAtOrDefault(1) ?? "the red block"));
using var cache = whole.AtPosition(-1);
using var residuals = cache.Accumulated();                                                                 // 0_pre, 0_mid, 1_pre, ...
using var normed = cache.Renormed(residuals);
using var lens = cache.Unembedded(normed);                                                                 // (parts, 1, 1, V)

Console.WriteLine($"{"residual",-12}{"most likely",-12}probability");
foreach (var label in lens.Labels)
{
    var (probability, id) = lens[label].flatten().softmax(-1).max(0);
    Console.WriteLine($"{label,-12}{model.Tokenizer.Token((int)id.item<long>()),-12}{probability.item<float>():0.000}");
}
