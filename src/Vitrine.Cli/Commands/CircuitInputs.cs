using Vitrine.Mechanisms.Metrics;
using Vitrine.Policies;

namespace Vitrine.Cli.Commands;

/// <summary>A policy's two inputs of a circuit: instructions with a word, and with another of as many tokens in its place.</summary>
/// <param name="Clean">With the word.</param>
/// <param name="Corrupted">With the other one.</param>
/// <param name="Asked">Instructions of the first, each once.</param>
/// <param name="Instead">Instructions of the second, each once.</param>
internal sealed record CircuitInputs(Subject Clean, Subject Corrupted, string[] Asked, string[] Instead)
{
    /// <summary>Situations where nobody says how many.</summary>
    public const int Drawn = 4;

    /// <summary>What stands in a word's place where nothing is said: the first that is as long in tokens.</summary>
    public static IReadOnlyList<string> Neutral { get; } = ["please", "now", "then", "and", "."];

    /// <summary>Instructions with a word and with another one.</summary>
    /// <param name="policy">Who is instructed.</param>
    /// <param name="seen">In what; instructions without the word.</param>
    /// <param name="word">The word.</param>
    /// <param name="against">What stands in its place; one of <see cref="Neutral"/> when null.</param>
    /// <exception cref="VitrineException">The other word has more or fewer tokens, or none is known that has as many.</exception>
    public static CircuitInputs OfWord(Policy policy, IReadOnlyList<Observation> seen, string word, string? against)
    {
        var other = Other(policy, seen[0], word, against);
        return new CircuitInputs(
            Subject.Of(policy, Worded(word)), Subject.Of(policy, Worded(other)),
            [.. Worded(word).Select(s => s.Instruction).Distinct()], [.. Worded(other).Select(s => s.Instruction).Distinct()]);

        Observation[] Worded(string last) => [.. seen.Select(s => s with { Instruction = $"{s.Instruction} {last}" })];
    }

    /// <summary>The first situations whose instructions are as long as the first one's, so that positions match.</summary>
    /// <param name="policy">Who is instructed.</param>
    /// <param name="draw">Draws so many.</param>
    /// <param name="count">How many are wanted.</param>
    public static IReadOnlyList<Observation> Alike(Policy policy, Func<int?, IReadOnlyList<Observation>> draw, int count)
    {
        const int times = 8;
        var drawn = draw(count * times);
        var first = policy.Layout([drawn[0]]).Rows[0].Words.Count;
        return [.. drawn.Where(o => policy.Layout([o]).Rows[0].Words.Count == first).Take(count)];
    }

    private static string Other(Policy policy, Observation seen, string word, string? given)
    {
        var length = Length(word);
        return given is not null
            ? Length(given) == length ? given : throw new VitrineException(
                $"--against is '{given}': {Length(given)} tokens where '{word}' has {length}; expected as many, so that positions match.")
            : Neutral.FirstOrDefault(n => Length(n) == length && n != word)
                ?? throw new VitrineException($"--word is '{word}': none of {string.Join(", ", Neutral)} has as many tokens; name one with --against.");

        int Length(string last) => policy.Layout([seen with { Instruction = $"{seen.Instruction} {last}" }]).Rows[0].Words.Count;
    }
}
