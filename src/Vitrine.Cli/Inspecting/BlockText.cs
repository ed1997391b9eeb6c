using System.Globalization;
using Vitrine.Transformers.Engine;

namespace Vitrine.Cli.Inspecting;

/// <summary>A block's specification as one line for people; what a block does not have is left out.</summary>
internal static class BlockText
{
    public static string Of(BlockSpec spec) => string.Join("; ",
    [
        $"{Norm(spec.Norm)} {Places(spec.Norms)}",
        Attention(spec.Attention),
        Mlp(spec.Mlp),
        .. Where(spec.Parallel, "attention and feed-forward side by side"),
        .. Where(spec.LayerScale, "LayerScale"),
    ]);

    private static string Rotary(RotarySpec r)
    {
        var plain = string.Create(CultureInfo.InvariantCulture, $"rotary on {r.Width} with base {r.Theta:0.####}");
        return r.Scaling is not { } s ? plain : plain + string.Create(CultureInfo.InvariantCulture,
            $", stretched {s.Factor:0.####} times as llama3 ({s.LowFrequencyFactor:0.####} to {s.HighFrequencyFactor:0.####} of {s.OriginalPositions})");
    }

    private static string Attention(AttentionSpec a) => string.Join(", ",
    [
        string.Create(CultureInfo.InvariantCulture,
            $"attention {Mask(a)}, {a.Heads} heads of {a.HeadWidth}{(a.KeyValueHeads == a.Heads ? "" : $" on {a.KeyValueHeads} key/value heads")}"),
        a.Rotary is { } r ? Rotary(r) : "no rotary positions",
        string.Create(CultureInfo.InvariantCulture, $"scale {a.Scale:0.######}"),
        .. Where(a.SoftCap is not null, string.Create(CultureInfo.InvariantCulture, $"scores capped at {a.SoftCap:0.####}")),
        .. Where(a.Window is not null, string.Create(CultureInfo.InvariantCulture, $"window of {a.Window}")),
        .. a.QueryKeyNorm is { } norm ? [$"{Norm(norm)} on q and k"] : Array.Empty<string>(),
        .. Where(a.Bias, "bias on q, k, v"),
        .. Where(a.OutputBias, "bias behind"),
    ]);

    private static string Mask(AttentionSpec a) => (a.Mask switch
    {
        AttentionMask.Causal => "causal",
        AttentionMask.Full => "both ways",
        AttentionMask.Prefix => "causal behind a prefix",
        AttentionMask.OwnPicture => "both ways in its picture",
        AttentionMask.OwnWindow => "both ways in its window",
        _ => "block by block",
    }) + a.Keys switch { KeySource.PrefixThenOwn => " behind a prefix's keys", KeySource.Prefix => " to a prefix's keys", _ => "" };

    private static string Mlp(MlpSpec m)
        => string.Create(CultureInfo.InvariantCulture,
            $"feed-forward of {m.Neurons} neurons, {(m.Gated ? "gated by " : "")}{m.Activation}{(m.Bias ? ", bias" : "")}");

    private static string Norm(NormSpec norm) => string.Create(CultureInfo.InvariantCulture, $"{norm.Kind} (epsilon {norm.Epsilon:0.##e-0})");

    private static string Places(NormPlaces places) => places switch
    {
        NormPlaces.PreNorm => "before each part",
        NormPlaces.PostNorm => "of each sum",
        _ => "before each part and of what it adds",
    };

    private static string[] Where(bool has, string text) => has ? [text] : [];
}
