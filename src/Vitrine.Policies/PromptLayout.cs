using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Policies;

/// <summary>A word of a prompt: a token, and where it stands in the sequence.</summary>
/// <param name="Position">In the row's own sequence, pictures counted in.</param>
/// <param name="Id">Of the tokenizer.</param>
public readonly record struct PromptWord(long Position, int Id);

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
    /// <summary>Patches by camera, in the order of the sequence.</summary>
    public required IReadOnlyDictionary<string, PromptPicture> Pictures { get; init; }

    /// <summary>The words in order, special tokens included.</summary>
    public required IReadOnlyList<PromptWord> Words { get; init; }

    /// <summary>Positions of state tokens; none where the state is said in words or not read.</summary>
    public IReadOnlyList<long> State { get; init; } = [];

    /// <summary>The position where the first action is decided, in the stack that decides.</summary>
    public required long Deciding { get; init; }

    /// <summary>
    /// How many positions from there on decide an action each: the rows of a chunk that one pass gives whole; 1 where tokens are said one by one.
    /// </summary>
    public int DecidingCount { get; init; } = 1;

    /// <summary>Positions of state tokens in the stack that decides, where it is another than the one that reads (pi0's expert).</summary>
    public IReadOnlyList<long> DecidingState { get; init; } = [];
}

/// <summary>Where pictures, words, state and the deciding position stand in the sequences of a batch: asked by edits, views and mechanisms alike.</summary>
public sealed record PromptLayout
{
    /// <summary>The kinds of tokens by which edits name positions.</summary>
    public const string Image = "image", Text = "text", State = "state", Deciding = "deciding";

    /// <summary>The stack that reads the sequences.</summary>
    public required string Stack { get; init; }

    /// <summary>The stack in which actions are decided; <see cref="Stack"/> unless an action expert, or a decoder of its own, does.</summary>
    public string DecidingStack
    {
        get => field ?? Stack;
        init;
    }

    /// <summary>One per observation.</summary>
    public required IReadOnlyList<PromptRow> Rows { get; init; }

    /// <summary>
    /// Passes in which actions are decided: the dimensions of an action that is said token by token, the steps of a flow, 1 where one pass gives all.
    /// </summary>
    public required int DecidingSteps { get; init; }

    /// <summary>Image towers in which several cameras' pictures lie one behind the other, with the tokens that each makes of a picture.</summary>
    public IReadOnlyDictionary<string, int> Towers { get; init; } = new Dictionary<string, int>();

    /// <summary>
    /// Where an action is decided in every pass, as edits of <see cref="DecidingStack"/> name it: the last token of a policy that decodes, else the positions
    /// from <see cref="PromptRow.Deciding"/> on.
    /// </summary>
    public Positions DecidingPositions => IsDecoded ? Positions.Last : Positions.Of(Deciding);

    /// <summary>The pictures as image towers read them, one behind the other: the observation and the camera of each.</summary>
    public IReadOnlyList<(int Observation, string Camera)> Pictures
        => [.. Rows.Index().SelectMany(row => row.Item.Pictures.Keys.Select(camera => (row.Index, camera)))];

    /// <summary>Whose pictures the towers read, in the order of <see cref="Pictures"/>.</summary>
    public FrameOwners Owners
        => new([.. Pictures.Select(p => p.Observation)], [.. Rows.SelectMany(row => Enumerable.Range(0, row.Pictures.Count))]);

    private bool IsDecoded => DecidingStack == Stack && DecidingSteps > 1;

    /// <summary>
    /// The kinds of tokens, for edits to name: <c>image</c>, <c>text</c>, <c>deciding</c>, and <c>state</c> where there is one; a camera's own tokens as
    /// <c>image.NAME</c> where there are several, in the towers too. <c>deciding</c> is a kind of <see cref="DecidingStack"/>; where that is a stack of its
    /// own, row K of the chunk is <c>deciding.K</c>.
    /// </summary>
    public TokenKinds Kinds()
    {
        string[] cameras = [.. Rows.SelectMany(r => r.Pictures.Keys).Distinct()];
        var read = new Dictionary<string, IReadOnlyList<IReadOnlyList<long>>>
        {
            [Image] = Of(r => r.Pictures.Values.SelectMany(p => p.Positions())),
            [Text] = Of(r => r.Words.Select(w => w.Position)),
        };
        if (Rows.Any(r => r.State.Count > 0))
        {
            read[State] = Of(r => r.State);
        }

        foreach (var camera in cameras.Length > 1 ? cameras : [])
        {
            read[$"{Image}.{camera}"] = Of(r => r.Pictures.TryGetValue(camera, out var picture) ? picture.Positions() : []);
        }

        var decided = DecidingStack == Stack ? read : [];
        decided[Deciding] = Of(Decided);
        var chunk = Rows.Max(r => r.DecidingCount);
        for (var k = 0; chunk > 1 && DecidingStack != Stack && k < chunk; k++)
        {
            var own = k;
            decided[$"{Deciding}.{k}"] = Of(r => own < r.DecidingCount ? [r.Deciding + own] : []);
        }

        if (Rows.Any(r => r.DecidingState.Count > 0))
        {
            decided[State] = Of(r => r.DecidingState);
        }

        var kinds = DecidingStack == Stack ? new TokenKinds(read, Stack) : new TokenKinds(read, Stack).And(new TokenKinds(decided, DecidingStack));
        return cameras.Length > 1 ? Towers.Aggregate(kinds, (all, tower) => all.And(Seen(cameras, tower.Key, tower.Value))) : kinds;

        IReadOnlyList<long>[] Of(Func<PromptRow, IEnumerable<long>> positions) => [.. Rows.Select(r => (IReadOnlyList<long>)[.. positions(r)])];
    }

    /// <summary>What a captured activation holds where an action is decided.</summary>
    /// <param name="run">Of the observations whose layout this is.</param>
    /// <param name="place">Address without step, of a point of the deciding stack that has positions.</param>
    /// <param name="step">0 the first pass; of a policy that decodes, a later one has one token.</param>
    /// <returns>(B,n,...): the n positions of each row; owned by the caller's dispose scope.</returns>
    /// <exception cref="VitrineException">It was not captured.</exception>
    public Tensor At(Run run, string place, int step)
    {
        ArgumentNullException.ThrowIfNull(run);
        var all = run[step == 0 ? place : $"{place}@{step}"];
        long[][] columns = [.. Rows.Select(r => step == 0 || !IsDecoded ? Decided(r).ToArray() : [0])];
        var rows = tensor([.. Enumerable.Range(0, columns.Length).Select(r => (long)r)], [columns.Length, 1], device: all.device);
        var places = tensor([.. columns.SelectMany(c => c)], [columns.Length, columns[0].Length], device: all.device);
        return all.index(TensorIndex.Tensor(rows), TensorIndex.Tensor(places));
    }

    private static IEnumerable<long> Decided(PromptRow row) => Enumerable.Range(0, row.DecidingCount).Select(i => row.Deciding + i);

    /// <summary>Each camera's pictures in a tower.</summary>
    private TokenKinds Seen(string[] cameras, string tower, int tokens)
    {
        IReadOnlyList<long> all = [.. Enumerable.Range(0, tokens).Select(i => (long)i)];
        return new TokenKinds(
            cameras.ToDictionary(
                camera => $"{Image}.{camera}", camera => (IReadOnlyList<IReadOnlyList<long>>)[.. Pictures.Select(p => p.Camera == camera ? all : [])]), tower);
    }
}
