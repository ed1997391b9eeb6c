using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Policies;

/// <summary>A word of a prompt: a token, and where it stands in the sequence.</summary>
/// <param name="Position">In the row's own sequence, pictures counted in.</param>
/// <param name="Id">Of the tokenizer.</param>
public readonly record struct PromptWord(long Position, long Id);

/// <summary>The patches of one camera's picture in the sequence.</summary>
/// <param name="First">Position of the first patch.</param>
/// <param name="Rows">Rows of patches.</param>
/// <param name="Columns">Columns of patches.</param>
public readonly record struct PromptPicture(long First, int Rows, int Columns)
{
    /// <summary>How many patches.</summary>
    public int Count => Rows * Columns;

    /// <summary>Their positions, row by row.</summary>
    public IEnumerable<long> Positions()
    {
        var first = First;
        return Enumerable.Range(0, Count).Select(i => first + i);
    }
}

/// <summary>Where everything stands in the sequence of one observation.</summary>
public sealed record PromptRow
{
    /// <summary>Patches by camera.</summary>
    public required IReadOnlyDictionary<string, PromptPicture> Pictures { get; init; }

    /// <summary>The words in order, special tokens included.</summary>
    public required IReadOnlyList<PromptWord> Words { get; init; }

    /// <summary>Positions of state tokens; none where the state is said in words or not read.</summary>
    public IReadOnlyList<long> State { get; init; } = [];

    /// <summary>The position where the first action is decided.</summary>
    public required long Deciding { get; init; }
}

/// <summary>Where pictures, words, state and the deciding position stand in the sequences of a batch: asked by edits, views and mechanisms alike.</summary>
public sealed record PromptLayout
{
    /// <summary>The kinds of tokens by which edits name positions.</summary>
    public const string Image = "image", Text = "text", State = "state", Deciding = "deciding";

    /// <summary>The stack that reads the sequences and decides.</summary>
    public required string Stack { get; init; }

    /// <summary>One per observation.</summary>
    public required IReadOnlyList<PromptRow> Rows { get; init; }

    /// <summary>Passes in which actions are decided: the dimensions of an action that is said token by token, 1 where one pass gives all.</summary>
    public required int DecidingSteps { get; init; }

    /// <summary>
    /// Where an action is decided in every pass, as edits name it: the last token of a policy that decodes, else the position of
    /// <see cref="PromptRow.Deciding"/>.
    /// </summary>
    public Positions DecidingPositions => DecidingSteps > 1 ? Positions.Last : Positions.Of(Deciding);

    /// <summary>
    /// The kinds of tokens, for edits to name: <c>image</c>, <c>text</c>, <c>deciding</c>, and <c>state</c> where there is one; a camera's own tokens as
    /// <c>image.NAME</c> where there are several.
    /// </summary>
    public TokenKinds Kinds()
    {
        var kinds = new Dictionary<string, IReadOnlyList<IReadOnlyList<long>>>
        {
            [Image] = Of(r => r.Pictures.Values.SelectMany(p => p.Positions())),
            [Text] = Of(r => r.Words.Select(w => w.Position)),
            [Deciding] = Of(r => [r.Deciding]),
        };
        if (Rows.Any(r => r.State.Count > 0))
        {
            kinds[State] = Of(r => r.State);
        }

        string[] cameras = [.. Rows.SelectMany(r => r.Pictures.Keys).Distinct()];
        foreach (var camera in cameras.Length > 1 ? cameras : [])
        {
            kinds[$"{Image}.{camera}"] = Of(r => r.Pictures.TryGetValue(camera, out var picture) ? picture.Positions() : []);
        }

        return new TokenKinds(kinds, Stack);

        IReadOnlyList<long>[] Of(Func<PromptRow, IEnumerable<long>> positions) => [.. Rows.Select(r => (IReadOnlyList<long>)[.. positions(r)])];
    }

    /// <summary>What a captured activation holds where an action is decided.</summary>
    /// <param name="run">Of the observations whose layout this is.</param>
    /// <param name="place">Address without step, of a point with positions.</param>
    /// <param name="step">0 the first pass; in a later one the only token.</param>
    /// <returns>(B,...) without the position axis; owned by the caller's dispose scope.</returns>
    /// <exception cref="VitrineException">It was not captured.</exception>
    public Tensor At(Run run, string place, int step)
    {
        ArgumentNullException.ThrowIfNull(run);
        var all = run[step == 0 ? place : $"{place}@{step}"];
        var columns = Rows.Select(r => step == 0 ? r.Deciding : 0).ToArray();
        var rows = Enumerable.Range(0, columns.Length).Select(r => (long)r).ToArray();
        return all.index(TensorIndex.Tensor(tensor(rows, device: all.device)), TensorIndex.Tensor(tensor(columns, device: all.device)));
    }
}
