using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Heads;

/// <summary>An observation, and where things stand in the sequence that a policy reads of it.</summary>
/// <param name="Seen">What the policy is shown.</param>
/// <param name="At">Things that may be looked at: their positions in the sequence.</param>
/// <param name="From">Words that may look; the place where the action is decided looks in any case.</param>
public sealed record LookScene(
    Observation Seen, IReadOnlyDictionary<string, IReadOnlyList<long>> At, IReadOnlyDictionary<string, IReadOnlyList<long>> From)
{
    /// <summary>What any policy shows of itself: its cameras' pictures, each word of the instruction, the state.</summary>
    /// <param name="policy">Who looks.</param>
    /// <param name="seen">At what.</param>
    public static LookScene Of(Policy policy, Observation seen)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(seen);
        var row = policy.Layout([seen]).Rows[0];
        var at = row.Pictures.ToDictionary(p => p.Key, p => (IReadOnlyList<long>)[.. p.Value.Positions()]);
        foreach (var (word, positions) in WordsOf(policy, seen, row))
        {
            at[$"'{word}'"] = positions;
        }

        if (row.State.Count > 0)
        {
            at[PromptLayout.State] = row.State;
        }

        return new LookScene(seen, at, new Dictionary<string, IReadOnlyList<long>>());
    }

    /// <summary>Where the words of an instruction stand; a word of several tokens stands at all of them.</summary>
    /// <param name="policy">Who reads it.</param>
    /// <param name="seen">The instruction.</param>
    /// <param name="row">Its layout.</param>
    public static IReadOnlyList<(string Word, IReadOnlyList<long> Positions)> WordsOf(Policy policy, Observation seen, PromptRow row)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(seen);
        ArgumentNullException.ThrowIfNull(row);
        var (found, next) = (new List<(string, IReadOnlyList<long>)>(), 0);
        foreach (var word in seen.Instruction.Split([' ', ',', '.', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            for (var first = next; first < row.Words.Count; first++)
            {
                var text = "";
                var last = first;
                while (last < row.Words.Count && text.Length < word.Length)
                {
                    text += Pictures.PromptAttention.WordOf(policy, row.Words[last++]).Trim();
                }

                if (string.Equals(text, word, StringComparison.OrdinalIgnoreCase))
                {
                    found.Add((word, [.. row.Words.Skip(first).Take(last - first).Select(w => w.Position)]));
                    next = last;
                    break;
                }
            }
        }

        return found;
    }
}

/// <summary>How much one head of a policy looks at a thing.</summary>
/// <param name="Stack">The stack's name.</param>
/// <param name="Layer">From 0.</param>
/// <param name="Head">From 0.</param>
/// <param name="From">What looks: <c>deciding</c>, or a word.</param>
/// <param name="At">What is looked at.</param>
/// <param name="Share">Of the attention, mean over situations.</param>
/// <param name="Uniform">The share of a head that looks alike at everything that it sees.</param>
/// <param name="Shuffled">The same head's share at where the thing stands in the other situations; null where there is one situation.</param>
/// <param name="Situations">How many had the thing and who looks.</param>
public sealed record HeadLookScore(
    string Stack, int Layer, int Head, string From, string At, double Share, double Uniform, double? Shuffled, int Situations)
{
    /// <summary>What the share is above the larger of its two controls.</summary>
    public double Above => Share - Math.Max(Uniform, Shuffled ?? 0);
}

/// <summary>Which heads of a policy look at what while it reads and decides.</summary>
/// <remarks>
/// Attention is where a head reads from, not what it does with it: that a head looks at an object does not say that the action needs it. Beside each share
/// stand two controls: a head that looks everywhere alike, and the same pattern held against where the thing stands in other situations.
/// </remarks>
public static class HeadLooks
{
    /// <summary>Every head, everything that looks, everything that is looked at.</summary>
    /// <param name="policy">Who looks.</param>
    /// <param name="scenes">Situations.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between situations.</param>
    /// <exception cref="VitrineException">There is no situation.</exception>
    public static IReadOnlyList<HeadLookScore> Of(
        Policy policy, IReadOnlyList<LookScene> scenes, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(scenes);
        if (scenes.Count == 0)
        {
            throw new VitrineException("heads: there is no situation to look at; expected at least one.");
        }

        var sums = new Dictionary<(string Stack, int Layer, string From, string At), Sum>();
        for (var i = 0; i < scenes.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Add(policy, scenes, i, sums, cancellation);
            progress?.Report((i + 1.0) / scenes.Count);
        }

        return
        [
            .. sums.SelectMany(s => Enumerable.Range(0, s.Value.Share.Length).Select(head => new HeadLookScore(
                s.Key.Stack, s.Key.Layer, head, s.Key.From, s.Key.At, s.Value.Share[head] / s.Value.Count, s.Value.Uniform / s.Value.Count,
                s.Value.Others > 0 ? s.Value.Elsewhere[head] / s.Value.Others : null, s.Value.Count))),
        ];
    }

    private static void Add(
        Policy policy, IReadOnlyList<LookScene> scenes, int index, Dictionary<(string Stack, int Layer, string From, string At), Sum> sums,
        CancellationToken cancellation)
    {
        var scene = scenes[index];
        var layout = policy.Layout([scene.Seen]);
        string[] stacks = [.. new[] { layout.Stack, layout.DecidingStack }.Distinct()];
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var acted = policy.Act([scene.Seen], RunPlan.Capturing([.. stacks.Select(s => $"{s}.*.{Point.AttnPattern}@*")]), cancellation: cancellation);
        foreach (var (address, pattern) in acted.Run.Activations)
        {
            using var inner = NewDisposeScope();
            var keys = KeysOf(policy, layout, address, (int)pattern.shape[^1], (int)pattern.shape[^2]);
            foreach (var (from, queries) in Queries(layout, scene, address, (int)pattern.shape[^2]))
            {
                var looks = pattern[0].detach().to(float32).index_select(1, tensor(queries, device: pattern.device)).mean([1]).cpu();   // (H, Tk)
                var seen = looks.gt(0).any(0L).sum().item<long>();
                foreach (var (at, places) in Targets(layout, scene, address).Where(t => t.Value.Count > 0))
                {
                    if (keys(places) is not { } own)
                    {
                        continue;
                    }

                    var key = (address.Stack, address.Layer!.Value, from, at);
                    var sum = sums.TryGetValue(key, out var known) ? known : sums[key] = new Sum((int)looks.shape[0]);
                    sum.Add(Share(looks, own), (double)own.Length / Math.Max(1, seen));
                    foreach (var other in scenes.Where((_, j) => j != index))
                    {
                        if (other.At.TryGetValue(at, out var elsewhere) && elsewhere.Count > 0 && keys(elsewhere) is { } moved)
                        {
                            sum.AddElsewhere(Share(looks, moved));
                        }
                    }
                }
            }
        }
    }

    /// <summary>From positions of the sequence to keys of a pattern; null where a block does not see them.</summary>
    private static Func<IReadOnlyList<long>, long[]?> KeysOf(Policy policy, PromptLayout layout, Address address, int keys, int queries)
    {
        var source = policy.Decoders.First(d => d.Shape.Name == address.Stack).Specs[address.Layer!.Value].Attention.Keys;
        var isOther = layout.DecidingStack != layout.Stack && address.Stack == layout.DecidingStack;
        var prefix = isOther && source == KeySource.PrefixThenOwn ? keys - queries : 0;
        return positions =>
        {
            var own = positions.All(p => p < 0);                                                           // ~p: a token of the deciding stack itself
            if (isOther && (own ? source == KeySource.Prefix : source is not (KeySource.Prefix or KeySource.PrefixThenOwn)))
            {
                return null;
            }

            long[] places = [.. positions.Select(p => own ? prefix + ~p : p)];
            return places.All(p => p >= 0 && p < keys) ? places : null;
        };
    }

    private static IEnumerable<KeyValuePair<string, IReadOnlyList<long>>> Targets(PromptLayout layout, LookScene scene, Address address)
    {
        var row = layout.Rows[0];
        return address.Stack == layout.DecidingStack && layout.DecidingStack != layout.Stack && row.DecidingState.Count > 0
            ? scene.At.Append(new(PromptLayout.State, [.. row.DecidingState.Select(p => ~p)]))
            : scene.At;
    }

    private static IEnumerable<(string From, long[] Queries)> Queries(PromptLayout layout, LookScene scene, Address address, int count)
    {
        var row = layout.Rows[0];
        if (address.Stack == layout.DecidingStack)
        {
            yield return (PromptLayout.Deciding, address.Step > 0 && count == 1 ? [0]
                : [.. Enumerable.Range(0, row.DecidingCount).Select(i => row.Deciding + i)]);
        }

        foreach (var (word, positions) in address.Stack == layout.Stack && address.Step == 0 ? scene.From : new Dictionary<string, IReadOnlyList<long>>())
        {
            if (positions.Count > 0)
            {
                yield return (word, [.. positions]);
            }
        }
    }

    private static double[] Share(Tensor looks, long[] keys)
    {
        using var share = looks.index_select(1, tensor(keys)).sum(1L);
        return [.. share.data<float>().ToArray().Select(v => (double)v)];
    }

    private sealed class Sum(int heads)
    {
        public double[] Share { get; } = new double[heads];

        public double[] Elsewhere { get; } = new double[heads];

        public double Uniform { get; private set; }

        public int Count { get; private set; }

        public int Others { get; private set; }

        public void Add(double[] share, double uniform)
        {
            Uniform += uniform;
            Count++;
            Plus(Share, share);
        }

        public void AddElsewhere(double[] share)
        {
            Others++;
            Plus(Elsewhere, share);
        }

        private static void Plus(double[] sum, double[] more)
        {
            for (var i = 0; i < sum.Length; i++)
            {
                sum[i] += more[i];
            }
        }
    }
}
