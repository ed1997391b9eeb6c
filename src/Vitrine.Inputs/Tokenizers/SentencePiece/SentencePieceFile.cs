namespace Vitrine.Inputs.Tokenizers.SentencePiece;

/// <summary>What a piece of a SentencePiece model is; numbers as in sentencepiece_model.proto.</summary>
internal enum PieceType
{
    /// <summary>A piece of text.</summary>
    Normal = 1,

    /// <summary>What stands for text that no piece spells.</summary>
    Unknown = 2,

    /// <summary>A sign that steers and is no text.</summary>
    Control = 3,

    /// <summary>A text that is never split.</summary>
    UserDefined = 4,

    /// <summary>A piece that is not given out.</summary>
    Unused = 5,

    /// <summary>A byte of a character that no piece spells.</summary>
    Byte = 6,
}

/// <summary>A piece; its place in the list is its id.</summary>
internal sealed record SentencePiece(string Text, float Score, PieceType Type);

/// <summary>A SentencePiece <c>.model</c> file; names and defaults as in sentencepiece_model.proto.</summary>
internal sealed record SentencePieceFile
{
    public List<SentencePiece> Pieces { get; } = [];

    /// <summary>1 unigram, 2 byte-pair encoding, 3 words, 4 characters.</summary>
    public int ModelType { get; private set; } = 1;

    public bool ByteFallback { get; private set; }

    public bool WhitespaceAsSuffix { get; private set; }

    public string UnknownSurface { get; private set; } = " \u2047 ";

    public string BeginPiece { get; private set; } = "<s>";

    public byte[] CharacterMap { get; private set; } = [];

    public bool AddDummyPrefix { get; private set; } = true;

    public bool RemoveExtraWhitespaces { get; private set; } = true;

    public bool EscapeWhitespaces { get; private set; } = true;

    /// <summary>A character map for decoded text; nearly no model has one.</summary>
    public byte[] Denormalizer { get; private set; } = [];

    /// <exception cref="VitrineException">The bytes are no such file, or it is cut off.</exception>
    public static SentencePieceFile Read(ReadOnlySpan<byte> bytes, string source)
    {
        var file = new SentencePieceFile();
        var reader = new ProtobufReader(bytes, source);
        while (reader.Next(out var field))
        {
            switch (field)
            {
                case 1:
                    file.Pieces.Add(Piece(reader.Bytes(), source));
                    break;
                case 2:
                    file.ReadTrainer(reader.Bytes(), source);
                    break;
                case 3:
                    file.ReadNormalizer(reader.Bytes(), source);
                    break;
                case 5:
                    var denormalizer = new SentencePieceFile();
                    denormalizer.ReadNormalizer(reader.Bytes(), source);
                    file.Denormalizer = denormalizer.CharacterMap;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return file.Pieces.Count > 0 ? file : throw new VitrineException($"{source}: is no SentencePiece model: it has no pieces.");
    }

    private static SentencePiece Piece(ReadOnlySpan<byte> bytes, string source)
    {
        var (text, score, type) = ("", 0f, PieceType.Normal);
        var reader = new ProtobufReader(bytes, source);
        while (reader.Next(out var field))
        {
            switch (field)
            {
                case 1:
                    text = reader.Text();
                    break;
                case 2:
                    score = reader.Single();
                    break;
                case 3:
                    type = (PieceType)reader.Integer();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return text.Length == 0 ? throw new VitrineException($"{source}: a piece is empty.")
            : !float.IsFinite(score) ? throw new VitrineException($"{source}: the piece '{text}' has a score that is no number.")
            : Enum.IsDefined(type) ? new SentencePiece(text, score, type)
            : throw new VitrineException($"{source}: the piece '{text}' is of the type {(int)type}, which is none.");
    }

    private void ReadTrainer(ReadOnlySpan<byte> bytes, string source)
    {
        var reader = new ProtobufReader(bytes, source);
        while (reader.Next(out var field))
        {
            switch (field)
            {
                case 3:
                    ModelType = (int)reader.Integer();
                    break;
                case 24:
                    WhitespaceAsSuffix = reader.Flag();
                    break;
                case 35:
                    ByteFallback = reader.Flag();
                    break;
                case 44:
                    UnknownSurface = reader.Text();
                    break;
                case 46:
                    BeginPiece = reader.Text();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private void ReadNormalizer(ReadOnlySpan<byte> bytes, string source)
    {
        var reader = new ProtobufReader(bytes, source);
        while (reader.Next(out var field))
        {
            switch (field)
            {
                case 2:
                    CharacterMap = reader.Bytes().ToArray();
                    break;
                case 3:
                    AddDummyPrefix = reader.Flag();
                    break;
                case 4:
                    RemoveExtraWhitespaces = reader.Flag();
                    break;
                case 5:
                    EscapeWhitespaces = reader.Flag();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }
}
