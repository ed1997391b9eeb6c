using System.CommandLine;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>--tokenizer-as</c>: whose reading of a tokenizer's files counts, spelled alike by every verb that takes a text.</summary>
internal sealed class TokenizerOption() : Option<string>("--tokenizer-as")
{
    private static readonly Dictionary<string, TokenizerReference> References = new()
    {
        ["transformers-5"] = TokenizerReference.Transformers5,
        ["transformers-4"] = TokenizerReference.Transformers4,
        ["tokenizers"] = TokenizerReference.Tokenizers,
    };

    /// <summary>The option.</summary>
    public static TokenizerOption Create() => new()
    {
        Description = "Read the tokenizer's files as transformers-5 does, as transformers-4, or tokenizer.json alone as tokenizers.",
        DefaultValueFactory = _ => "transformers-5",
    };

    /// <summary>How a tokenizer is opened.</summary>
    /// <exception cref="VitrineException">The name is none of the three.</exception>
    public TokenizerOptions OptionsOf(ParseResult parsed) => References.TryGetValue(parsed.GetValue(this)!, out var reference)
        ? new TokenizerOptions { Reference = reference }
        : throw new VitrineException($"--tokenizer-as is '{parsed.GetValue(this)}'; expected {string.Join(", ", References.Keys)}.");

    /// <summary>How a model with a tokenizer is opened.</summary>
    public ModelOptions Over(ModelOptions options, ParseResult parsed) => options with { Tokenizer = OptionsOf(parsed) };

    /// <summary>Prints what a tokenizer's files say and nothing follows from.</summary>
    public static void PrintNotes(Tokenizer tokenizer)
    {
        foreach (var note in tokenizer.Notes)
        {
            Console.WriteLine(note);
        }
    }
}
