namespace Vitrine.Cluster.Messages;

/// <summary>Puts a text together from pieces that come in order; one that comes twice counts once.</summary>
internal sealed class PieceReader
{
    private readonly MemoryStream text = new();

    /// <summary>The whole text, or null while pieces are missing.</summary>
    public byte[]? Whole { get; private set; }

    /// <summary>Takes the next piece.</summary>
    /// <exception cref="VitrineException">It is larger than pieces are, or a piece before it is missing.</exception>
    public void Add(Piece piece)
    {
        if (piece.Total is < 1 or > Piece.LongestText || piece.Bytes.Length is < 1 or > Piece.Largest || piece.Offset < 0 || piece.Offset > text.Length
            || (long)piece.Offset + piece.Bytes.Length > piece.Total)
        {
            throw new VitrineException(
                $"a piece of {piece.Bytes.Length} bytes at {piece.Offset} of {piece.Total}: {text.Length} have come, and a piece has at most {Piece.Largest}.");
        }

        if (piece.Offset < text.Length || Whole is not null)
        {
            return;
        }

        text.Write(piece.Bytes);
        if (text.Length == piece.Total)
        {
            Whole = text.ToArray();
        }
    }

    /// <summary>Fetches a text piece by piece.</summary>
    /// <param name="read">Gives the piece at an offset; null where the text is not there.</param>
    /// <returns>Null where the text is not there, or no longer.</returns>
    public static async Task<byte[]?> ReadAsync(Func<int, Task<Piece?>> read)
    {
        var reader = new PieceReader();
        while (reader.Whole is null)
        {
            if (await read((int)reader.text.Length).ConfigureAwait(true) is not { } piece)
            {
                return null;
            }

            reader.Add(piece);
        }

        return reader.Whole;
    }
}
