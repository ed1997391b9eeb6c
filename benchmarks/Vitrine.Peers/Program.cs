using System.Diagnostics;
using System.Globalization;
using LLama;
using LLama.Common;
using LLama.Native;

// FILE.gguf THREADS PROMPT COUNT: the prompt of 'benchmarks peers-run' through llama.cpp, greedily; then its peak memory, as an error's line.
var (path, threads, prompt, count) = (args[0], Number(1), Number(2), Number(3));
NativeLogConfig.llama_log_set((_, _) => { });
var parameters = new ModelParams(path) { ContextSize = 512, BatchSize = 512, Threads = threads, BatchThreads = threads, GpuLayerCount = 0 };
using var weights = LLamaWeights.LoadFromFile(parameters);
using var context = weights.CreateContext(parameters);
var batch = new LLamaBatch();
for (var i = 0; i < prompt; i++)
{
    batch.Add(100 + (i * 7 % 1000), i, LLamaSeqId.Zero, i == prompt - 1);
}

var ids = new List<int>();
for (var at = prompt; ; at++)
{
    Require(context.Decode(batch));
    var logits = context.NativeHandle.GetLogitsIth(ids.Count == 0 ? prompt - 1 : 0);
    var best = 0;
    for (var i = 1; i < logits.Length; i++)
    {
        best = logits[i] > logits[best] ? i : best;
    }

    ids.Add(best);
    if (ids.Count == count)
    {
        break;
    }

    batch.Clear();
    batch.Add(best, at, LLamaSeqId.Zero, true);
}

Console.WriteLine(string.Join(' ', ids));
Console.Error.WriteLine(Process.GetCurrentProcess().PeakWorkingSet64);

int Number(int i) => int.Parse(args[i], CultureInfo.InvariantCulture);

static void Require(DecodeResult result)
{
    if (result != DecodeResult.Ok)
    {
        throw new InvalidOperationException($"llama.cpp: {result}");
    }
}
