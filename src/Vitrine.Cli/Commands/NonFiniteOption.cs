using System.CommandLine;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>--allow-nonfinite</c>: shows answers that are no numbers, spelled alike by every verb that runs a model.</summary>
internal sealed class NonFiniteOption() : Option<bool>("--allow-nonfinite")
{
    /// <summary>The option.</summary>
    public static NonFiniteOption Create() => new()
    {
        Description = "Show what comes of logits or actions that are NaN or infinite, instead of refusing them with the first point that is not finite.",
    };

    /// <summary>How a model is opened with it.</summary>
    public ModelOptions Over(ModelOptions options, ParseResult parsed) => options with { AllowNonFinite = parsed.GetValue(this) };
}
