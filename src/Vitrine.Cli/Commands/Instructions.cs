using Vitrine.Policies;

namespace Vitrine.Cli.Commands;

/// <summary>What may be wrong with the words that a robot is told.</summary>
internal static class Instructions
{
    private static readonly char[] Between = [' ', ',', '.', ';', ':', '!', '?'];

    /// <summary>The words of an instruction.</summary>
    public static string[] Words(string instruction) => instruction.Split(Between, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Tells of words that a policy's vocabulary cuts into its unknown token: it hears nothing in their place.</summary>
    public static void WarnOfUnknown(Policy policy, string instruction)
    {
#pragma warning disable CA1308 // Policies read small letters.
        string[] unknown =
        [
            .. Words(instruction.ToLowerInvariant()).Distinct()
                .Where(w => policy.Tokenizer.Encode(w, addSpecialTokens: false).Any(id => policy.Tokenizer.Token(id) == "<unk>")),
        ];
#pragma warning restore CA1308
        if (unknown.Length > 0)
        {
            var words = string.Join(", ", unknown.Select(w => $"'{w}'"));
            Output.Warn([$"{policy.Name} does not know the word{(unknown.Length > 1 ? "s" : "")} {words}: the policy reads the unknown token instead"]);
        }
    }
}
