using System.CommandLine;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Cli.Commands;

/// <summary><c>--edit FILE</c>, and edits that are said in the command line itself: what holds while a model runs.</summary>
internal sealed class EditOption() : Option<string?>("--edit")
{
    private static readonly Option<string[]> Clamps = Several(
        "--clamp",
        "Hold neurons at a value: LAYER:INDEX=VALUE, several neurons with commas (5:111,5:130=3); STACK.LAYER:INDEX for a stack other than language.");

    private static readonly Option<string[]> Ablations = Several(
        "--ablate",
        "Set to zero: an address, with heads, neurons or coordinates of it behind a colon (language.5.attn.z:1), or a neuron (5:111).");

    private static readonly Option<string[]> Additions = Several(
        "--add",
        "Add a tensor of a safetensors file, times a factor: FILE:KEY=FACTOR where the key is an address, else FILE:KEY@ADDRESS=FACTOR.");

    private static readonly Option<string[]> ControlVectors = Several(
        "--add-control-vector",
        "Add a GGUF control vector behind the blocks that it names, times a factor: FILE.gguf or FILE.gguf=FACTOR.");

    /// <summary>The option.</summary>
    /// <param name="holds">Where it holds, behind "A plan of edits as JSON".</param>
    public static EditOption Create(string holds = ".") => new() { Description = $"A plan of edits as JSON ('vitrine edits' lists the kinds){holds}" };

    /// <summary>The same command, and those below it, with the short forms where it takes a plan.</summary>
    public static Command With(Command command)
    {
        if (command.Options.OfType<EditOption>().Any())
        {
            foreach (var option in (Option[])[Clamps, Ablations, Additions, ControlVectors])
            {
                command.Add(option);
            }
        }

        foreach (var inner in command.Subcommands)
        {
            With(inner);
        }

        return command;
    }

    /// <summary>The plan of the file, then what the command line says, in the order clamp, ablate, add, control vector; null where nothing is said.</summary>
    /// <exception cref="VitrineException">The file is no plan, or a text is no edit.</exception>
    public RunPlan? Plan(ParseResult parsed)
    {
        var file = parsed.GetValue(this) is { } path ? RunPlan.Load(path) : null;
        Edit[] said =
        [
            .. (parsed.GetValue(Clamps) ?? []).Select(EditText.Clamp),
            .. (parsed.GetValue(Ablations) ?? []).Select(EditText.Ablation),
            .. (parsed.GetValue(Additions) ?? []).Select(EditText.Addition),
            .. (parsed.GetValue(ControlVectors) ?? []).SelectMany(EditText.ControlVector),
        ];
        return said.Length == 0 ? file : (file ?? RunPlan.Empty).Then(RunPlan.Editing(said));
    }

    private static Option<string[]> Several(string name, string description) => new(name) { Description = description };
}
