namespace Vitrine.Inputs.Tokenizers.PreTokenizers;

/// <summary>Cuts a text into the words that the model sees one by one.</summary>
internal interface IPreTokenizer
{
    /// <summary>Whether the cut depends on where in the user's text a piece stands.</summary>
    bool NeedsOrigins => false;

    Pieces Split(Pieces pieces);
}

/// <summary>Each step cuts the pieces of the one before.</summary>
internal sealed record PreTokenizerSequence(IReadOnlyList<IPreTokenizer> Steps) : IPreTokenizer
{
    public bool NeedsOrigins => Steps.Any(s => s.NeedsOrigins);

    public Pieces Split(Pieces pieces)
    {
        foreach (var step in Steps)
        {
            pieces = step.Split(pieces);
        }

        return pieces;
    }
}
