using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>
/// LLaVA, Qwen2.5-VL and Qwen3-VL: a placeholder is repeated once for each token of its picture; what stands around it is the prompt's own (transformers,
/// processing_llava.py, processing_qwen2_5_vl.py).
/// </summary>
internal sealed class RepeatedPlacing : PicturePlacing
{
    public override string Text(string prompt, IReadOnlyList<Preparation> pictures, IReadOnlyList<int> tokens, string placeholder, Tokenizer tokenizer)
        => Joined(Around(prompt, pictures.Count, placeholder), i => Repeated(placeholder, tokens[i]));
}
