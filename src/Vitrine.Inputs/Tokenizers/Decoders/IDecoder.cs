namespace Vitrine.Inputs.Tokenizers.Decoders;

/// <summary>Rewrites pieces on their way back to a text.</summary>
internal interface IDecoder
{
    IReadOnlyList<string> Apply(IReadOnlyList<string> pieces);
}

/// <summary>Each step works on the pieces of the one before.</summary>
internal sealed record DecoderSequence(IReadOnlyList<IDecoder> Steps) : IDecoder
{
    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces) => Steps.Aggregate(pieces, (p, step) => step.Apply(p));
}

/// <summary>Without a decoder, pieces are joined by spaces.</summary>
internal sealed record SpacesBetween : IDecoder
{
    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces) => [string.Join(' ', pieces)];
}
