using System.CommandLine;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>--edit FILE</c>: a plan that holds while a model runs.</summary>
internal sealed class EditOption() : Option<string?>("--edit")
{
    /// <summary>The option.</summary>
    /// <param name="holds">Where it holds, behind "A plan of edits as JSON".</param>
    public static EditOption Create(string holds = ".") => new() { Description = $"A plan of edits as JSON{holds}" };

    /// <summary>The plan; null where no file is named.</summary>
    /// <exception cref="VitrineException">The file is no plan.</exception>
    public RunPlan? Plan(ParseResult parsed) => parsed.GetValue(this) is { } path ? RunPlan.Load(path) : null;
}
