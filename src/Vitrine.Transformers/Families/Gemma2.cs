using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>Gemma 2: soft-capped scores and logits, norms around both sub-layers, a window on every second block (transformers, modeling_gemma2.py).</summary>
internal static class Gemma2
{
    internal static readonly string[] Inert = ["sliding_window_size"];

    private static readonly DecoderDefaults Defaults = new(2304, 9216, 26, 8, 4, 256, 256000, Tied: true);

    /// <remarks>Scores are scaled by query_pre_attn_scalar^-1/2, not by hd^-1/2. Block 0 looks through the window, block 1 does not, and so on.</remarks>
    public static TextConfig Read(ConfigReader json)
    {
        var scale = Math.Pow(json.Number("query_pre_attn_scalar", 256), -0.5);
        var (scoreCap, logitCap) = (Cap(json, "attn_logit_softcapping", 50), Cap(json, "final_logit_softcapping", 30));
        var config = Gemma.Common(json, Defaults)
            .Attending((a, _) => a with { Scale = scale, SoftCap = scoreCap })
            .Windowed(json, json.Optional("sliding_window", 4096), layer => layer % 2 == 0);
        json.RefuseUnread(Inert);
        return config with { Blocks = [.. config.Blocks.Select(b => b with { Norms = NormPlaces.SandwichNorm })], LogitCap = logitCap };
    }

    private static double? Cap(ConfigReader json, string key, double otherwise) => !json.Spells(key) ? otherwise : json.Has(key) ? json.Number(key) : null;
}
