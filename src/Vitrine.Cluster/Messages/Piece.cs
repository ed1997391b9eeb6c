namespace Vitrine.Cluster.Messages;

/// <summary>A piece of a text that may be larger than a message should be.</summary>
[GenerateSerializer, Immutable]
internal sealed record Piece
{
    /// <summary>The most bytes of a piece; a silo takes messages of <see cref="ClusterSilo.LargestMessage"/>.</summary>
    public const int Largest = 1 << 20;

    /// <summary>The longest text that is put together again.</summary>
    public const int LongestText = 1 << 30;

    /// <summary>Where it begins in the text, in bytes.</summary>
    [Id(0)]
    public required int Offset { get; init; }

    /// <summary>Length of the text, in bytes.</summary>
    [Id(1)]
    public required int Total { get; init; }

    /// <summary>Its bytes.</summary>
    [Id(2)]
    public required byte[] Bytes { get; init; }

    /// <summary>The piece of a text that begins at an offset.</summary>
    public static Piece Of(byte[] text, int offset)
        => new() { Offset = offset, Total = text.Length, Bytes = text[offset..Math.Min(text.Length, offset + Largest)] };

    /// <summary>A text in pieces.</summary>
    public static IEnumerable<Piece> AllOf(byte[] text)
    {
        if (text.Length > LongestText)
        {
            throw new VitrineException($"a text of {text.Length} bytes is too long to be sent to other silos; at most {LongestText} are.");
        }

        for (var offset = 0; offset < text.Length; offset += Largest)
        {
            yield return Of(text, offset);
        }
    }
}
