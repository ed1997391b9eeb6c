using System.CommandLine;
using TorchSharp;
using Vitrine.Checkpoints;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>--capture ADDRESS...</c> and <c>--out FILE</c>: what a run keeps, and where.</summary>
internal sealed class CaptureOptions
{
    private readonly Option<string[]> capture = new("--capture")
    {
        Description = "Addresses to keep, wildcards allowed, e.g. 'language.*.resid_post'.",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<string?> path;

    /// <param name="beside">What the file holds beside what is captured.</param>
    public CaptureOptions(string beside) => path = new("--out") { Description = $"Safetensors file for what is captured{beside}." };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(capture);
        command.Add(path);
    }

    /// <summary>The file; null where nothing is kept.</summary>
    public string? File(ParseResult parsed) => parsed.GetValue(path);

    /// <summary>A plan that keeps what the command line names too; a plan whose captures go nowhere is told.</summary>
    /// <exception cref="VitrineException">The file cannot be written.</exception>
    public RunPlan With(ParseResult parsed, RunPlan? plan)
    {
        var own = plan ?? RunPlan.Empty;
        var all = own with { Capture = [.. own.Capture, .. Output.List(parsed.GetValue(capture))] };
        if (File(parsed) is { } target)
        {
            AtomicFile.RequireWritable(target);
        }
        else
        {
            WarnOfNowhere(all, "--out FILE keeps it");
        }

        return all;
    }

    /// <summary>Tells that a plan captures and that the verb keeps nothing.</summary>
    public static void WarnOfNowhere(RunPlan? plan, string remedy)
    {
        if (plan?.Capture is { Count: > 0 } addresses)
        {
            Output.Warn([$"what is captured ({string.Join(", ", addresses)}) goes nowhere; {remedy}"]);
        }
    }

    /// <summary>Writes what a run captured, where a file was named.</summary>
    public void Save(ParseResult parsed, Model model, Run run, IReadOnlyDictionary<string, torch.Tensor>? beside = null)
    {
        if (File(parsed) is not { } file)
        {
            return;
        }

        using var scope = torch.NewDisposeScope();
        var tensors = run.Activations.ToDictionary(a => a.Key.ToString(), a => a.Value.cpu());
        foreach (var (name, tensor) in beside ?? new Dictionary<string, torch.Tensor>())
        {
            tensors[name] = tensor;
        }

        SafetensorsFile.Save(file, tensors, new Dictionary<string, string> { ["family"] = model.Family, ["fingerprint"] = model.Fingerprint });
    }
}
