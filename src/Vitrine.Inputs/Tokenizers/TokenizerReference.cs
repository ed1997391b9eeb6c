namespace Vitrine.Inputs.Tokenizers;

/// <summary>Whose reading of a tokenizer's folder counts, where the libraries differ.</summary>
/// <remarks>
/// In all three the pipeline is that of <c>tokenizer.json</c>, as the tokenizers library runs it: transformers 5 builds the pipeline of some classes anew from
/// their code, which gives the same for a sound file but where a Llama text, or a part behind a special token, begins with a space or U+2581.
/// </remarks>
public enum TokenizerReference
{
    /// <summary>
    /// transformers 5 (5.15 was read): add_bos_token and add_eos_token do nothing beside a <c>tokenizer.json</c>, keys that end in <c>_token</c> name
    /// tokens, and clean_up_tokenization_spaces leaves byte-pair encodings alone.
    /// </summary>
    Transformers5,

    /// <summary>
    /// transformers 4 (4.57 was read): add_bos_token and add_eos_token decide what Llama's, Gemma's and GPT-NeoX's classes put around a text, and
    /// clean_up_tokenization_spaces holds for every model.
    /// </summary>
    Transformers4,

    /// <summary>
    /// The tokenizers library: <c>tokenizer.json</c> alone, with the padding and truncation that are saved in it; or the <c>.model</c> alone.
    /// </summary>
    Tokenizers,
}
