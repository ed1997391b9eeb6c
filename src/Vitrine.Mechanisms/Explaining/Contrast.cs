using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Explaining;

/// <summary>The same states twice: with what is asked about, and without it. Row r of one belongs to row r of the other.</summary>
/// <param name="With">With it.</param>
/// <param name="Without">Without it.</param>
public sealed record ContrastStates(Subject With, Subject Without)
{
    /// <summary>
    /// What stands in its place and means nothing, for the same states: the floor that an effect must leave. None where there is no such thing.
    /// </summary>
    public IReadOnlyList<Subject> Fillers { get; init; } = [];
}

/// <summary>A difference that is asked about, in two sets of states: parts are chosen in one, and judged in the other.</summary>
public sealed record Contrast
{
    private Contrast(string with, string without, ContrastStates choosing, ContrastStates testing)
        => (With, Without, Choosing, Testing) = (with, without, choosing, testing);

    /// <summary>What is asked about, in words.</summary>
    public string With { get; }

    /// <summary>What it is held against.</summary>
    public string Without { get; }

    /// <summary>The states in which parts are chosen.</summary>
    public ContrastStates Choosing { get; private init; }

    /// <summary>The states in which claims are judged; they serve for no choice.</summary>
    public ContrastStates Testing { get; private init; }

    /// <summary>A word behind the instruction, against another one or against none.</summary>
    /// <param name="policy">Who is instructed.</param>
    /// <param name="word">The word.</param>
    /// <param name="against">Another word in its place; null for no word at all.</param>
    /// <param name="choosing">States without the word.</param>
    /// <param name="testing">Other states without the word.</param>
    /// <param name="seed">Of the made-up words that are the floor.</param>
    /// <exception cref="VitrineException">The prompts do not differ, or a set of states is empty.</exception>
    public static Contrast OfWord(
        Policy policy, string word, string? against, IReadOnlyList<Observation> choosing, IReadOnlyList<Observation> testing, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentException.ThrowIfNullOrWhiteSpace(word);
        ArgumentNullException.ThrowIfNull(choosing);
        ArgumentNullException.ThrowIfNull(testing);
        if (word == against)
        {
            throw new VitrineException($"contrast: '{word}' against itself is no contrast.");
        }

        if (choosing.Count == 0 || testing.Count == 0)
        {
            throw new VitrineException($"contrast: {choosing.Count} states to choose in and {testing.Count} to judge in; expected at least one of each.");
        }

        var fillers = MadeUp.Words(seed).DistinctBy(w => string.Join(' ', Ids(w))).ToArray();
        return new Contrast(word, against ?? "no word", Both(choosing), Both(testing) with
        {
            Fillers = [.. fillers.Select(f => Subject.Of(policy, Worded(testing, f)))],
        });

        ContrastStates Both(IReadOnlyList<Observation> states)
            => new(Subject.Of(policy, Worded(states, word)), Subject.Of(policy, against is null ? states : Worded(states, against)));

        IEnumerable<long> Ids(string filler) => policy.Layout(Worded([testing[0]], filler)).Rows[0].Words.Select(w => (long)w.Id);
    }

    /// <summary>
    /// What a word is held against where nothing is said: no word; of a policy whose expert reads the prompt row by row, a made-up word of as many tokens, so
    /// that rows answer to each other.
    /// </summary>
    /// <param name="policy">Who is instructed.</param>
    /// <param name="states">At least one; which ones does not matter.</param>
    /// <param name="word">The word.</param>
    /// <exception cref="VitrineException">No made-up word has as many tokens.</exception>
    public static string? Counterpart(Policy policy, IReadOnlyList<Observation> states, string word)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(states);
        if (!Causes.DecidingStacks.DecidingStack(policy, states).Shape.Points.Contains(Transformers.Points.Point.AttnPrefixK))
        {
            return null;
        }

        var length = Length(word);
        return MadeUp.Words(seed: 0).FirstOrDefault(w => w != word && Length(w) == length)
            ?? throw new VitrineException($"contrast: '{word}' has {length} tokens, and no made-up word as many; name a word to hold it against (--against).");

        int Length(string w) => policy.Layout(Worded([states[0]], w)).Rows[0].Words.Count;
    }

    /// <summary>Any two sets of states, each with both sides.</summary>
    /// <param name="with">What the first side has, in words.</param>
    /// <param name="without">What the second has.</param>
    /// <param name="choosing">States in which parts are chosen.</param>
    /// <param name="testing">Other states, in which claims are judged.</param>
    /// <exception cref="VitrineException">The two sides of a set have different numbers of states.</exception>
    public static Contrast Of(string with, string without, ContrastStates choosing, ContrastStates testing)
    {
        ArgumentNullException.ThrowIfNull(choosing);
        ArgumentNullException.ThrowIfNull(testing);
        foreach (var states in new[] { choosing, testing })
        {
            if (states.With.Rows != states.Without.Rows)
            {
                throw new VitrineException(
                    $"contrast: {states.With.Rows} states with it and {states.Without.Rows} without; expected the same states on both sides.");
            }
        }

        return new Contrast(with, without, choosing, testing);
    }

    /// <summary>Pairs of texts.</summary>
    /// <param name="model">Who reads.</param>
    /// <param name="pairs">With and without; every second one chooses, the others judge. One pair alone does both.</param>
    /// <exception cref="VitrineException">There is no pair, or its two texts are the same.</exception>
    public static Contrast OfTexts(TextModel model, IReadOnlyList<(string With, string Without)> pairs)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(pairs);
        var (choosing, testing) = Split(pairs, p => p.With == p.Without, p => $"'{p.With}'");
        return new Contrast(Shown(pairs, p => p.With), Shown(pairs, p => p.Without), States(choosing), States(testing));

        ContrastStates States((string With, string Without)[] chosen)
            => new(Subject.Of(model, [.. chosen.Select(p => p.With)]), Subject.Of(model, [.. chosen.Select(p => p.Without)]));
    }

    /// <summary>Pairs of pictures.</summary>
    /// <param name="model">Who sees.</param>
    /// <param name="pairs">Prepared pixels (1,3,H,W) with and without, with what to call them; stay the caller's.</param>
    /// <exception cref="VitrineException">There is no pair, or its two pictures are the same.</exception>
    public static Contrast OfPictures(VisionModel model, IReadOnlyList<(Tensor With, Tensor Without, string Name)> pairs)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(pairs);
        var (choosing, testing) = Split(pairs, p => p.With.shape.SequenceEqual(p.Without.shape) && p.With.equal(p.Without).all().item<bool>(), p => p.Name);
        return new Contrast(Shown(pairs, p => p.Name), "its counterpart", States(choosing), States(testing));

        ContrastStates States((Tensor With, Tensor Without, string Name)[] chosen)
            => new(Subject.Of(model, cat([.. chosen.Select(p => p.With)], 0)), Subject.Of(model, cat([.. chosen.Select(p => p.Without)], 0)));
    }

    private static (T[] Choosing, T[] Testing) Split<T>(IReadOnlyList<T> pairs, Func<T, bool> same, Func<T, string> name)
    {
        if (pairs.Count == 0)
        {
            throw new VitrineException("contrast: there is no pair.");
        }

        foreach (var pair in pairs)
        {
            if (same(pair))
            {
                throw new VitrineException($"contrast: both sides of {name(pair)} are the same; there is nothing to explain.");
            }
        }

        return pairs.Count == 1
            ? ([.. pairs], [.. pairs])
            : ([.. pairs.Where((_, i) => i % 2 == 0)], [.. pairs.Where((_, i) => i % 2 == 1)]);
    }

    private static string Shown<T>(IReadOnlyList<T> pairs, Func<T, string> text)
        => $"'{text(pairs[0])}'{(pairs.Count == 1 ? "" : $" and {pairs.Count - 1} more")}";

    private static Observation[] Worded(IReadOnlyList<Observation> states, string word)
        => [.. states.Select(s => s with { Instruction = $"{s.Instruction} {word}" })];
}

/// <summary>Words that no language has.</summary>
internal static class MadeUp
{
    private const string Consonants = "bdfgklmnprtvz", Vowels = "aeiou";
    private const int Count = 8, Syllables = 2;

    /// <summary>Eight of them.</summary>
    public static IEnumerable<string> Words(int seed)
    {
        var random = new RandomStream($"explain/words/{seed}");
        return [.. Enumerable.Range(0, Count).Select(_ => string.Concat(Enumerable.Range(0, Syllables).Select(_ => Syllable())) + Letter(Consonants))];

        string Syllable() => $"{Letter(Consonants)}{Letter(Vowels)}";

        char Letter(string of) => of[random.Below(of.Length)];
    }
}
