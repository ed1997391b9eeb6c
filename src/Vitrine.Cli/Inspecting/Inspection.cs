using System.Text.Json.Serialization;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;

namespace Vitrine.Cli.Inspecting;

/// <summary>What a model is made of. What it lacks is null, and <see cref="Absent"/> says why.</summary>
internal sealed record Inspection
{
    public required string Name { get; init; }

    public required string Folder { get; init; }

    public required ModelKind Kind { get; init; }

    public required string Family { get; init; }

    /// <summary>Null where it was not asked for: every byte of the weights is read for it.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>How many weights the files hold.</summary>
    public long Parameters => Weights.Count;

    public required StoredWeights Weights { get; init; }

    /// <summary>The folder's files: which are read, which are not, and why.</summary>
    public required IReadOnlyList<FolderFile> Files { get; init; }

    public required IReadOnlyList<InspectedStack> Stacks { get; init; }

    public InspectedTokenizer? Tokenizer { get; init; }

    /// <summary>What the files say of generation, one line each; null for what generates no text.</summary>
    public IReadOnlyList<string>? Generation { get; init; }

    /// <summary>The steps of the picture recipe.</summary>
    public IReadOnlyList<string>? Picture { get; init; }

    /// <summary>Names of the classes of a classifier.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    public int? ImageTokens { get; init; }

    public IReadOnlyCollection<string>? UnnormKeys { get; init; }

    public ActionRange? ActionTokens { get; init; }

    /// <summary>Points of a policy that can reach no action.</summary>
    public IReadOnlyList<string> Dead { get; init; } = [];

    /// <summary>What is missing, and why.</summary>
    public IReadOnlyList<string> Absent { get; init; } = [];

    /// <summary>What was certified of the family.</summary>
    public required string Certified { get; init; }
}

/// <summary>A stack with its blocks.</summary>
/// <param name="Name">First part of its addresses.</param>
/// <param name="Vocabulary">0 for a stack that speaks no language.</param>
/// <param name="Points">Those that exist.</param>
/// <param name="Blocks">Layers that are alike; none for what has no blocks.</param>
/// <param name="Decoding">How single tokens are multiplied; null where none are decoded.</param>
internal sealed record InspectedStack(
    string Name, int Layers, int Width, int Heads, int KeyValueHeads, int HeadWidth, int Neurons, int Vocabulary, IReadOnlyList<string> Points,
    IReadOnlyList<LayerGroup<BlockSpec>> Blocks, DecodingProducts? Decoding);

/// <summary>How a decoded token is multiplied.</summary>
/// <param name="OneRow">Matrices read by the one-row product.</param>
/// <param name="Matrices">All of them.</param>
internal sealed record DecodingProducts(int OneRow, int Matrices);

/// <summary>A tokenizer.</summary>
/// <param name="Kind">How words become tokens.</param>
/// <param name="Vocabulary">The largest id and one more.</param>
/// <param name="Special">Tokens that steer.</param>
/// <param name="ChatTemplate">Whether conversations can become prompts.</param>
internal sealed record InspectedTokenizer(string Kind, int Vocabulary, IReadOnlyList<SpecialToken> Special, bool ChatTemplate);

/// <summary>A special token.</summary>
internal sealed record SpecialToken(int Id, string? Text);

/// <summary>Ids that are actions.</summary>
internal sealed record ActionRange(int First, int Count)
{
    [JsonIgnore]
    public int Last => First + Count - 1;
}
