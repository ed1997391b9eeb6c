using Vitrine.Inputs.Tokenizers;
using Vitrine.Transformers;

namespace Vitrine.Policies.OpenVla;

/// <summary>From an instruction to the ids that a checkpoint of the OpenVLA kind reads.</summary>
/// <param name="tokenizer">Of the checkpoint.</param>
/// <param name="template">The words around an instruction.</param>
internal sealed class InstructionPrompt(Tokenizer tokenizer, PromptTemplate template)
{
    private readonly int? emptyToken = tokenizer.Id("\u2581");

    /// <summary>Ids of an instruction's prompt, image tokens left out.</summary>
    /// <remarks>
    /// OpenVLA reads the lone space piece behind the prompt (id 29871 of Llama's vocabulary); a vocabulary without that piece does without it.
    /// </remarks>
    /// <exception cref="VitrineException">There is no instruction.</exception>
    public int[] Ids(string instruction)
    {
        if (string.IsNullOrWhiteSpace(instruction))
        {
            throw new VitrineException("act: the instruction is empty; expected what the robot is to do, e.g. 'pick up the red block'.");
        }

        var ids = TokenBatch.Of([tokenizer.EncodeText(template.Text(instruction))]).Ids[0].ToArray();
        return emptyToken is { } empty && ids[^1] != empty ? [.. ids, empty] : ids;
    }
}
