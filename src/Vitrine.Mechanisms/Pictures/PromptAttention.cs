using Vitrine.Policies;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>Where one head of a policy looks in the picture, from one word of the prompt.</summary>
/// <param name="Stack">The stack's name.</param>
/// <param name="Layer">From 0.</param>
/// <param name="Head">From 0.</param>
/// <param name="Query">The word that looks.</param>
/// <param name="Rows">Rows of patches.</param>
/// <param name="Columns">Columns of patches.</param>
/// <param name="Weights">Attention of each patch, row by row; not renormalised.</param>
public sealed record HeadLook(string Stack, int Layer, int Head, string Query, int Rows, int Columns, IReadOnlyList<double> Weights)
{
    /// <summary>The part of the head's attention that falls on the picture, 0 to 1.</summary>
    public double MassOnPicture => Math.Min(1, Weights.Sum());

    /// <summary>Position of the first patch in the sequence; the others follow it row by row.</summary>
    public long FirstToken { get; init; }

    /// <summary>How many positions the word can look at, itself included; 0 where it is not known.</summary>
    public long Visible { get; init; }

    /// <summary>What a patch would get from a head that looks everywhere alike; null where it is not known.</summary>
    public double? Uniform => Visible > 0 ? 1.0 / Visible : null;

    /// <summary>The heads that look most at the picture, ordered by layer and head.</summary>
    /// <param name="looks">Of one stack.</param>
    /// <param name="count">How many.</param>
    public static IReadOnlyList<HeadLook> Strongest(IEnumerable<HeadLook> looks, int count)
        => [.. looks.OrderByDescending(l => l.MassOnPicture).Take(count).OrderBy(l => l.Layer).ThenBy(l => l.Head)];
}

/// <summary>Reads where a policy's heads look in the picture while it decides.</summary>
public static class PromptAttention
{
    /// <summary>
    /// The heads that look most at the picture, each from the word of the instruction, or from the last token of the prompt, from which it looks most.
    /// </summary>
    /// <param name="policy">Who looks.</param>
    /// <param name="observation">At what; the first of several pictures counts.</param>
    /// <param name="count">How many heads, ordered by layer and head.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>None of a policy whose sequence holds no picture, or no words.</returns>
    public static IReadOnlyList<HeadLook> Strongest(Policy policy, Observation observation, int count, CancellationToken cancellation = default)
        => HeadLook.Strongest(All(policy, observation, cancellation), count);

    /// <summary>Every head, by layer and head, each from the word as <see cref="Strongest"/> has it.</summary>
    /// <param name="policy">Who looks.</param>
    /// <param name="observation">At what; the first of several pictures counts.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>None of a policy whose sequence holds no picture, or no words.</returns>
    public static IReadOnlyList<HeadLook> All(Policy policy, Observation observation, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(observation);
        var layout = policy.Layout([observation]);
        var (shape, row) = (policy.Decoders.Single(d => d.Shape.Name == layout.Stack).Shape, layout.Rows[0]);
        if (row.Pictures.Count == 0 || row.Words.Count == 0)
        {
            return [];
        }

        using var run = policy.Act([observation], RunPlan.Capturing($"{shape.Name}.*.attn.pattern"), cancellation: cancellation);
        var patches = row.Pictures.Values.First();
        string[] prompt = [.. row.Words.Select(w => WordOf(policy, w))];
        var instruction = observation.Instruction.Split(' ');
        int[] queries = [.. Enumerable.Range(1, prompt.Length - 1).Where(i => i == prompt.Length - 1 || instruction.Contains(prompt[i].Trim()))];
        using var scope = NewDisposeScope();
        var looks = new List<HeadLook>();
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            var pattern = run.Run[$"{shape.Name}.{layer}.attn.pattern"];                                   // (1, H, T, T)
            var (tokens, values) = ((int)pattern.shape[3], pattern.to(float32).cpu().contiguous().data<float>().ToArray());
            for (var head = 0; head < shape.Heads; head++)
            {
                var best = queries.Select(query => (Query: query, Weights: From(head, query))).MaxBy(r => r.Weights.Sum());
                looks.Add(new HeadLook(shape.Name, layer, head, prompt[best.Query], patches.Rows, patches.Columns, best.Weights)
                {
                    FirstToken = patches.First,
                    Visible = row.Words[best.Query].Position + 1,
                });
            }

            double[] From(int head, int query)
                => [.. values.AsSpan((int)((((head * tokens) + row.Words[query].Position) * tokens) + patches.First), patches.Count).ToArray()
                    .Select(v => (double)v)];
        }

        return looks;
    }

    /// <summary>A word of a prompt as people read it.</summary>
    public static string WordOf(Policy policy, PromptWord word)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return (policy.Tokenizer.Token(word.Id) ?? "").Replace('\u2581', ' ');
    }
}
