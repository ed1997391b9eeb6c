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
        var device = DeviceOption.Create();
        var json = Output.JsonOption();
        var command = new Command("run",
            "Run a text model over a prompt, with pictures where it sees, keep activations, and print what it expects next.")
        {
            name, prompt, images, capture, plan, path, count, device, json,
        };
        command.SetAction((parsed, _) =>
        {
            if (parsed.GetValue(path) is { } target)
            {
                AtomicFile.RequireWritable(target);
            }

            using var model = TextModel.Open(parsed.GetValue(name)!, device.ModelOptionsOf(parsed));
            var batch = model.Encode([new PicturePrompt(parsed.GetValue(prompt)!, images.Read(parsed))]);
            var asked = plan.Plan(parsed) ?? RunPlan.Empty;
            using var run = model.Run(batch, asked with { Capture = [.. asked.Capture, .. parsed.GetValue(capture) ?? []] });
            if (parsed.GetValue(path) is { } file)
            {
                Save(file, model, batch, run);
            }

            var answers = Answers(model, run, parsed.GetValue(count));
            if (parsed.GetValue(json))
            {
                Output.Write(new
                {
                    Ids = batch.Ids[0],
                    Answers = answers.Select(a => new { a.Id, Text = a.Name, a.Logit, a.Probability }),
                    Captured = run.Activations.Select(a => new { Address = a.Key.ToString(), Shape = a.Value.shape }),
                });
                return Task.FromResult(0);
            }

            var table = Output.Table(model.Labels is null ? "next token" : "class", "id", "logit", "probability");
            foreach (var answer in answers)
            {
                table.Add(answer.Name, $"{answer.Id}", answer.Logit.ToString("0.000", CultureInfo.InvariantCulture),
                    answer.Probability.ToString("0.0 %", CultureInfo.InvariantCulture));
            }

            AnsiConsole.Write(table);
            Console.WriteLine(
                $"{batch.Lengths[0]} tokens read, {run.Activations.Count} activations kept{(parsed.GetValue(path) is { } written ? $" in {written}" : "")}");
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

    private static List<(string Name, int Id, double Logit, double Probability)> Answers(TextModel model, Run run, int count)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        var logits = (run.Logits.dim() == 2 ? run.Logits[0] : run.Logits[0, -1]).cpu();
        var (values, ids) = logits.topk((int)Math.Min(count, logits.shape[0]));
        var (scores, probabilities) = (values.to(TorchSharp.torch.float64).data<double>().ToArray(),
            logits.to(TorchSharp.torch.float64).softmax(-1).index_select(0, ids).data<double>().ToArray());
        return [.. ids.data<long>().ToArray().Select((id, i) => (Name((int)id), (int)id, scores[i], probabilities[i]))];

        string Name(int id) => model.Labels is { } labels ? labels.Names[id] : model.Tokenizer.Decode([id], skipSpecialTokens: false).ReplaceLineEndings("\\n");
    }
}
