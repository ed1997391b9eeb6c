using static TorchSharp.torch;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>llama.cpp's tensor names in transformers' words, and what its converter did to the numbers.</summary>
/// <remarks>
/// After llama.cpp, convert_hf_to_gguf.py and gguf-py/gguf/tensor_mapping.py: Llama and Mistral (both are architecture <c>llama</c>) have the rows of q and k
/// permuted for its rotary layout; Gemma's norm weights hold 1 + w; GPT-2's weights are transposed to [out, in].
/// </remarks>
public static class GgufTensorNames
{
    private static readonly Dictionary<string, string> DecoderBlock = new()
    {
        ["attn_norm"] = "input_layernorm",
        ["attn_q"] = "self_attn.q_proj",
        ["attn_k"] = "self_attn.k_proj",
        ["attn_v"] = "self_attn.v_proj",
        ["attn_output"] = "self_attn.o_proj",
        ["ffn_norm"] = "post_attention_layernorm",
        ["ffn_gate"] = "mlp.gate_proj",
        ["ffn_up"] = "mlp.up_proj",
        ["ffn_down"] = "mlp.down_proj",
    };

    private static readonly Dictionary<string, string> QkNormBlock = new(DecoderBlock)
    {
        ["attn_q_norm"] = "self_attn.q_norm",
        ["attn_k_norm"] = "self_attn.k_norm",
    };

    private static readonly Dictionary<string, string> PostNormBlock = new(DecoderBlock)
    {
        ["post_attention_norm"] = "post_attention_layernorm",
        ["ffn_norm"] = "pre_feedforward_layernorm",
        ["post_ffw_norm"] = "post_feedforward_layernorm",
    };

    private static readonly Dictionary<string, string> QkPostNormBlock = new(PostNormBlock)
    {
        ["attn_q_norm"] = "self_attn.q_norm",
        ["attn_k_norm"] = "self_attn.k_norm",
    };

    private static readonly Dictionary<string, string> Gpt2Block = new()
    {
        ["attn_norm"] = "ln_1",
        ["attn_qkv"] = "attn.c_attn",
        ["attn_output"] = "attn.c_proj",
        ["ffn_norm"] = "ln_2",
        ["ffn_up"] = "mlp.c_fc",
        ["ffn_down"] = "mlp.c_proj",
    };

    private static readonly Dictionary<string, string> DecoderTop = new()
    {
        ["token_embd"] = "model.embed_tokens",
        ["output_norm"] = "model.norm",
        ["output"] = "lm_head",
    };
    private static readonly Dictionary<string, string> Gpt2Top = new()
    {
        ["token_embd"] = "transformer.wte",
        ["position_embd"] = "transformer.wpe",
        ["output_norm"] = "transformer.ln_f",
        ["output"] = "lm_head",
    };

    private static readonly Dictionary<string, Layout> Layouts = new()
    {
        ["llama"] = new("model.layers", DecoderTop, DecoderBlock) { PermutesHeads = true },
        ["qwen2"] = new("model.layers", DecoderTop, DecoderBlock),
        ["qwen3"] = new("model.layers", DecoderTop, QkNormBlock),
        ["gemma"] = new("model.layers", DecoderTop, DecoderBlock) { ShiftsNorms = true },
        ["gemma2"] = new("model.layers", DecoderTop, PostNormBlock) { ShiftsNorms = true },
        ["gemma3"] = new("model.layers", DecoderTop, QkPostNormBlock) { ShiftsNorms = true },
        ["gpt2"] = new("transformer.h", Gpt2Top, Gpt2Block) { Transposes = true },
    };

    /// <summary>Architectures whose names are known.</summary>
    public static IReadOnlyCollection<string> Architectures => Layouts.Keys;

    /// <summary>The name that transformers gives a tensor.</summary>
    /// <param name="architecture">As in <c>general.architecture</c>.</param>
    /// <param name="name">As in the file, e.g. <c>blk.3.ffn_down.weight</c>.</param>
    /// <returns>E.g. <c>model.layers.3.mlp.down_proj.weight</c>; null where the architecture or the name is unknown.</returns>
    public static string? ToHuggingFace(string architecture, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var parts = name.Split('.');
        if (!Layouts.TryGetValue(architecture, out var layout) || parts[^1] is not ("weight" or "bias"))
        {
            return null;
        }

        return parts switch
        {
            [var top, var kind] when layout.Top.TryGetValue(top, out var word) => $"{word}.{kind}",
            ["blk", var number, var part, var kind] when number.Length is > 0 and < 10 && number.All(char.IsAsciiDigit)
                && layout.Block.TryGetValue(part, out var word)
                => $"{layout.Blocks}.{number}.{word}.{kind}",
            _ => null,
        };
    }

    /// <summary>Undoes llama.cpp's permutation of a q or k projection's rows.</summary>
    /// <remarks>
    /// Within a head, llama.cpp pairs neighbouring rows (2i, 2i + 1) in its rotary embedding, transformers rows i and i + hd/2: the converter reshapes [H, 2,
    /// hd/2, ...] and swaps the two middle axes; this swaps them back.
    /// </remarks>
    /// <param name="weight">(H * hd, ...), or a bias (H * hd); stays the caller's.</param>
    /// <param name="heads">H: query heads for q, key/value heads for k.</param>
    /// <returns>A new tensor in C order, the caller's.</returns>
    /// <exception cref="VitrineException">The rows do not divide into heads of pairs.</exception>
    public static Tensor UndoPermutation(Tensor weight, int heads)
    {
        ArgumentNullException.ThrowIfNull(weight);
        var rows = weight.shape[0];
        if (heads <= 0 || rows % (2L * heads) != 0)
        {
            throw new VitrineException($"{rows} rows do not divide into {heads} heads of pairs.");
        }

        if (weight.numel() == 0)
        {
            return weight.clone(); // nothing to swap, and no shape to infer
        }

        using var scope = NewDisposeScope();
        return weight.reshape(heads, rows / heads / 2, 2, -1).transpose(1, 2).contiguous().reshape(weight.shape).MoveToOuterDisposeScope();
    }

    /// <summary>What has to be done to a tensor so that it is transformers' own.</summary>
    internal static Repair RepairOf(string architecture, string name)
    {
        var layout = Layouts[architecture];
        return layout switch
        {
            { PermutesHeads: true } when name.Contains(".attn_q.", StringComparison.Ordinal) => Repair.QueryRows,
            { PermutesHeads: true } when name.Contains(".attn_k.", StringComparison.Ordinal) => Repair.KeyRows,
            { ShiftsNorms: true } when name.EndsWith("norm.weight", StringComparison.Ordinal) => Repair.NormMinusOne,
            { Transposes: true } when name.StartsWith("blk.", StringComparison.Ordinal) && name.EndsWith(".weight", StringComparison.Ordinal)
                && !name.Contains("norm", StringComparison.Ordinal)
                => Repair.Transpose,
            _ => Repair.None,
        };
    }

    /// <param name="Blocks">What stands before a block's number.</param>
    /// <param name="Top">Names outside of blocks.</param>
    /// <param name="Block">Names inside.</param>
    private sealed record Layout(string Blocks, IReadOnlyDictionary<string, string> Top, IReadOnlyDictionary<string, string> Block)
    {
        public bool PermutesHeads { get; init; }

        public bool ShiftsNorms { get; init; }

        public bool Transposes { get; init; }
    }

    /// <summary>Kinds of change that llama.cpp's converter makes.</summary>
    internal enum Repair
    {
        /// <summary>Nothing.</summary>
        None,

        /// <summary>Rows permuted within query heads.</summary>
        QueryRows,

        /// <summary>Rows permuted within key/value heads.</summary>
        KeyRows,

        /// <summary>The file holds 1 + w.</summary>
        NormMinusOne,

        /// <summary>The file holds [out, in] where transformers has [in, out].</summary>
        Transpose,
    }
}
