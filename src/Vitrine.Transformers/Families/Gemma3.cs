using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>
/// Gemma 3's text: norms around both sub-layers and on queries and keys, a window on all blocks but every sixth, and rotations of a base of its own in each of
/// the two kinds (transformers, modeling_gemma3.py).
/// </summary>
internal static class Gemma3
{
    private static readonly DecoderDefaults Defaults = new(2304, 9216, 26, 8, 4, 256, 262208, Tied: true) { Theta = 1000000 };

    /// <remarks>Scores are scaled by query_pre_attn_scalar^-1/2. Five blocks look through the window, the sixth does not, and so on.</remarks>
    public static TextConfig Read(ConfigReader json)
    {
        json.MustBeOff("use_bidirectional_attention");
        var scale = Math.Pow(json.Number("query_pre_attn_scalar", 256), -0.5);
        var (scoreCap, logitCap) = (Cap(json, "attn_logit_softcapping"), Cap(json, "final_logit_softcapping"));
        var every = json.Size(json.Has("_sliding_window_pattern") ? "_sliding_window_pattern" : "sliding_window_pattern", 6);
        var headWidth = json.Optional("head_dim", Defaults.HeadWidth)!.Value;
        var (whole, windowed) = Rotations(json, headWidth);
        var config = Gemma.Common(json, Defaults, whole);
        config = config.Attending((a, _) => a with { Scale = scale, SoftCap = scoreCap, QueryKeyNorm = config.Spec.Norm })
            .Windowed(json, json.Optional("sliding_window", 4096), layer => (layer + 1) % every != 0)
            .Attending((a, _) => a with { Rotary = a.Window is null ? whole : windowed });
        json.RefuseUnread();
        return config with { Blocks = [.. config.Blocks.Select(b => b with { Norms = NormPlaces.SandwichNorm })], LogitCap = logitCap };
    }

    /// <remarks>
    /// transformers 4 writes rope_theta and rope_scaling for the blocks without a window and rope_local_base_freq for the others; 5 has rope_parameters of each
    /// kind. The scaling is of the blocks without a window alone.
    /// </remarks>
    private static (RotarySpec Whole, RotarySpec Windowed) Rotations(ConfigReader json, int headWidth)
    {
        var theta = json.Number("rope_local_base_freq", 10000);
        if (json.Has("rope_parameters") && json.Object("rope_parameters") is var kinds && (kinds.Has("full_attention") || kinds.Has("sliding_attention")))
        {
            var (whole, windowed) = (kinds.Object("full_attention"), kinds.Object("sliding_attention"));
            kinds.RefuseOthers();
            return (Rope.OfKind(whole, headWidth, Defaults.Theta), Rope.OfKind(windowed, headWidth, theta));
        }

        return (Rope.Read(json, headWidth, theta: Defaults.Theta), new RotarySpec(theta, headWidth));
    }

    private static double? Cap(ConfigReader json, string key) => json.Has(key) ? json.Number(key) : null;
}
