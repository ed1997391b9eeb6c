namespace Vitrine.Mechanisms.Diagnoses;

/// <summary>Instructions said otherwise: what should change nothing, and what should.</summary>
public static class Rewording
{
    /// <summary>Words that robots are asked with and that mean alike, for paraphrases where no better list is at hand.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Synonyms { get; } =
    [
        ["grab", "grasp", "take"], ["put", "place", "set"], ["push", "shove"], ["reach", "approach"], ["lift", "raise"], ["move", "bring"],
        ["cube", "block"], ["cup", "mug"], ["box", "container"], ["bowl", "dish"], ["robot", "arm"],
    ];

    /// <summary>Each word that has a synonym replaced by the next of its list; "please" in front where none has.</summary>
    public static string Paraphrased(string instruction, IReadOnlyList<IReadOnlyList<string>> synonyms)
    {
        ArgumentNullException.ThrowIfNull(synonyms);
        string[] words = Words(instruction);
        string[] said = [.. words.Select(Other)];
        return said.SequenceEqual(words) ? $"please {instruction}" : string.Join(' ', said);

        string Other(string word) => synonyms.FirstOrDefault(s => s.Contains(word)) is { Count: > 1 } own
            ? own[(own.Index().First(w => w.Item == word).Index + 1) % own.Count]
            : word;
    }

    /// <summary>The same words in a random order; in another one than before where there are two different words.</summary>
    public static string Shuffled(string instruction, int seed)
    {
        var (words, random) = (Words(instruction), new Random(seed));
        for (var tries = 0; tries < 8; tries++)
        {
            string[] shuffled = [.. words.OrderBy(_ => random.Next())];
            if (!shuffled.SequenceEqual(words))
            {
                return string.Join(' ', shuffled);
            }
        }

        return Reversed(instruction);
    }

    /// <summary>The words from the last to the first.</summary>
    public static string Reversed(string instruction) => string.Join(' ', Words(instruction).Reverse());

    /// <summary>What is to be done, and no longer to what.</summary>
    public static string Vaguer(string instruction) => $"{Words(instruction).FirstOrDefault()} it";

    private static string[] Words(string instruction)
    {
        ArgumentNullException.ThrowIfNull(instruction);
        return instruction.Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }
}
