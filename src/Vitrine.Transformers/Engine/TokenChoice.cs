using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>Chooses the next token of each row, and knows which rows have stopped.</summary>
internal sealed class TokenChoice
{
    private readonly GenerationOptions options;
    private readonly HashSet<int> stopIds;
    private readonly IProgress<GeneratedStep>? progress;
    private readonly List<int>[] texts;
    private readonly bool[] stopped;
    private readonly IReadOnlyList<IReadOnlyList<int>>? prompts;

    /// <param name="options">How, and when to stop.</param>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="progress">Hears of each step.</param>
    /// <param name="prompts">Ids of each row, padding left out: what the rules of a generation count. Null where they are no ids, and there are no
    /// rules.</param>
    public TokenChoice(GenerationOptions options, int rows, IProgress<GeneratedStep>? progress = null, IReadOnlyList<IReadOnlyList<int>>? prompts = null)
    {
        (this.options, this.progress, this.prompts) = (options, progress, prompts);
        stopIds = [.. options.StopIds];
        texts = [.. Enumerable.Range(0, rows).Select(_ => new List<int>())];
        stopped = new bool[rows];
    }

    /// <summary>A choice of the same kind that begins anew and tells nobody.</summary>
    public TokenChoice Anew() => new(options, texts.Length);

    /// <summary>New tokens of each row so far, its padding left out.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Texts => texts;

    /// <summary>Whether no row goes on.</summary>
    public bool IsDone => Array.TrueForAll(stopped, s => s);

    public bool KeepsLogits => options.KeepLogits;

    public int Count => options.Count;

    public int PadId => options.PadId ?? (options.StopIds.Count > 0 ? options.StopIds[0] : 0);

    /// <param name="logits">(B,V) of the step.</param>
    /// <param name="step">From 0.</param>
    /// <returns>One token a row; on the meta device, where there are no numbers, token 0.</returns>
    public int[] Next(Tensor logits, int step)
    {
        using var ruled = Ruled(logits);
        logits = ruled ?? logits;
        var ids = logits.device_type == TorchSharp.DeviceType.META ? new int[stopped.Length]
            : options.Sampling is { } sampling ? Drawn(logits, sampling, step)
            : Ranking.FirstOfRows(logits);
        for (var row = 0; row < ids.Length; row++)
        {
            if (stopped[row])
            {
                ids[row] = PadId;
                continue;
            }

            texts[row].Add(ids[row]);
            stopped[row] = stopIds.Contains(ids[row]) || EndsText(texts[row]);
        }

        progress?.Report(new GeneratedStep(step, [.. ids], [.. stopped]));
        return ids;
    }

    /// <summary>The logits under the rules, in float32; null where there are none.</summary>
    private Tensor? Ruled(Tensor logits)
    {
        if (options.Rules is not { IsEmpty: false } rules || prompts is null || logits.device_type == TorchSharp.DeviceType.META)
        {
            return null;
        }

        var vocabulary = (int)logits.shape[^1];
        var numbers = logits.detach().to(float32).cpu().contiguous().data<float>().ToArray();
        for (var row = 0; row < stopped.Length; row++)
        {
            if (!stopped[row])
            {
                var own = numbers.AsSpan(row * vocabulary, vocabulary);
                rules.Apply(own, prompts[row], texts[row], Count).CopyTo(own);
            }
        }

        return tensor(numbers, [stopped.Length, vocabulary]);
    }

    private int[] Drawn(Tensor logits, Sampling sampling, int step)
    {
        var vocabulary = (int)logits.shape[^1];
        var numbers = logits.detach().to(float32).cpu().contiguous().data<float>().ToArray();
        var ids = new int[stopped.Length];
        for (var row = 0; row < ids.Length; row++)
        {
            if (!stopped[row])
            {
                ids[row] = Sampler.Draw(
                    Sampler.Probabilities(numbers.AsSpan(row * vocabulary, vocabulary), sampling), Sampler.Uniform(sampling.Seed, row, step));
            }
        }

        return ids;
    }

    private bool EndsText(List<int> text)
    {
        if (options.StopStrings.Count == 0)
        {
            return false;
        }

        var decoded = options.Decode!(text);
        return options.StopStrings.Any(s => decoded.Contains(s, StringComparison.Ordinal));
    }
}
