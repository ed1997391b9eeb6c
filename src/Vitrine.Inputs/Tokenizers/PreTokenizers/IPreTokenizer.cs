namespace Vitrine.Inputs.Tokenizers.PreTokenizers;

/// <summary>Cuts a text into the words that the model sees one by one.</summary>
internal interface IPreTokenizer
{
    Pieces Split(Pieces pieces);
}

/// <summary>Each step cuts the pieces of the one before.</summary>
internal sealed record PreTokenizerSequence(IReadOnlyList<IPreTokenizer> Steps) : IPreTokenizer
{
    public Pieces Split(Pieces pieces)
    {
        foreach (var step in Steps)
        {
            pieces = step.Split(pieces);
        }

        return pieces;
    }
}
