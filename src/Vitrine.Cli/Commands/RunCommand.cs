using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Checkpoints;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine run MODEL PROMPT</c>: one pass over a prompt, with what is captured written to a file.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Text();
        var prompt = new Argument<string>("PROMPT") { Description = "What the model reads." };
        var images = PicturesOption.Create();
        var capture = new Option<string[]>("--capture")
        {
            Description = "Addresses to keep, wildcards allowed, e.g. 'language.*.resid_post'.",
            AllowMultipleArgumentsPerToken = true,
        };
        var plan = EditOption.Create();
        var path = new Option<string?>("--out")
        {
            Description = "Safetensors file for what is captured, with the prompt's ids and the logits (or class logits).",
        };
        var count = new Option<int>("--top", "-n") { Description = "Next tokens, or classes, to print.", DefaultValueFactory = _ => 10 };
        var reading = TokenizerOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var json = Output.JsonOption();
        var command = new Command("run",
            "Run a text model over a prompt, with pictures where it sees, keep activations, and print what it expects next.")
        {
            name, prompt, images, capture, plan, path, count, reading, device, allowed, json,
        };
        command.SetAction((parsed, _) =>
        {
            if (parsed.GetValue(path) is { } target)
            {
                AtomicFile.RequireWritable(target);
            }

            using var model = TextModel.Open(parsed.GetValue(name)!, allowed.Over(reading.Over(device.ModelOptionsOf(parsed), parsed), parsed));
            var batch = model.Encode([new PicturePrompt(parsed.GetValue(prompt)!, images.Read(parsed))]);
            var asked = plan.Plan(parsed) ?? RunPlan.Empty;
            using var run = model.Run(batch, asked with { Capture = [.. asked.Capture, .. Output.List(parsed.GetValue(capture))] });
            Output.Warn(run.UntouchedEdits);
            if (parsed.GetValue(path) is { } file)
            {
                Save(file, model, batch, run);
            }

            var answers = Answers(model, run, asked, parsed.GetValue(count));
            if (parsed.GetValue(json))
            {
                Output.Write(new
                {
                    Ids = batch.Ids[0],
                    Answers = answers.Select(a => Json(model, a)),
                    Captured = run.Activations.Select(a => new { Address = a.Key.ToString(), Shape = a.Value.shape }),
                    model.Tokenizer.Notes,
                });
                return Task.FromResult(0);
            }

            Print(model, answers);
            Console.WriteLine(
                $"{batch.Lengths[0]} tokens read, {run.Activations.Count} activations kept{(parsed.GetValue(path) is { } written ? $" in {written}" : "")}");
            TokenizerOption.PrintNotes(model.Tokenizer);
            return Task.FromResult(0);
        });
        return command;
    }

    private static void Save(string path, TextModel model, TokenBatch batch, Run run)
    {
        using var ids = TorchSharp.torch.tensor(batch.Ids[0].ToArray(), [1, batch.Ids[0].Count]);
        using var scope = TorchSharp.torch.NewDisposeScope();
        var tensors = run.Activations.ToDictionary(a => a.Key.ToString(), a => a.Value.cpu());
        (tensors["in.input_ids"], tensors[model.Labels is null ? "out.logits" : "out.class_logits"]) = (ids, run.Logits.cpu());
        SafetensorsFile.Save(path, tensors, new Dictionary<string, string> { ["family"] = model.Family, ["fingerprint"] = model.Fingerprint });
    }

    /// <summary>Next tokens or classes; none where the run ends at a residual, of an encoder without head or of a plan that stops early.</summary>
    private static IReadOnlyList<Answer> Answers(TextModel model, Run run, RunPlan plan, int count)
    {
        if (plan.StopAfter is not null || (model.Labels is null && model.Language.Shape.Vocabulary == 0))
        {
            return [];
        }

        using var logits = run.Logits.dim() == 2 ? run.Logits[0] : run.Logits[0, -1];
        return Answer.Of(logits, model.Labels?.Scores ?? ClassScores.OneOfMany, count);
    }

    private static string Name(TextModel model, Answer answer)
        => model.Labels is { } labels ? labels.Names[answer.Id] : model.Tokenizer.Decode([answer.Id], skipSpecialTokens: false).ReplaceLineEndings("\\n");

    /// <summary>A head that measures a quantity has no probability to print.</summary>
    private static object Json(TextModel model, Answer answer) => answer.Probability is { } probability
        ? new { answer.Id, Text = Name(model, answer), answer.Logit, Probability = probability }
        : new { answer.Id, Text = Name(model, answer), answer.Logit };

    private static void Print(TextModel model, IReadOnlyList<Answer> answers)
    {
        if (answers.Count == 0)
        {
            Console.WriteLine("no next token and no class: the run ends at the residual stream");
            return;
        }

        var isQuantity = answers[0].Probability is null;
        var what = model.Labels is null ? "next token" : "class";
        var table = isQuantity ? Output.Table("quantity", "id", "value") : Output.Table(what, "id", "logit", "probability");
        foreach (var answer in answers)
        {
            string[] cells = [Name(model, answer), $"{answer.Id}", answer.Logit.ToString("0.000", CultureInfo.InvariantCulture)];
            table.Add(answer.Probability is { } p ? [.. cells, p.ToString("0.0 %", CultureInfo.InvariantCulture)] : cells);
        }

        AnsiConsole.Write(table);
    }
}
