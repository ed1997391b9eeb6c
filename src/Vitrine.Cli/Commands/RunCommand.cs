using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Policies;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine run MODEL INPUT</c>: one pass over a prompt or an observation, with what is captured written to a file.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Speaking();
        var seed = new Option<ulong>("--seed") { Description = "Of a policy that is given nothing: which state of its world it sees." };
        var input = new InputOptions(seed);
        var images = PicturesOption.Create();
        var kept = new CaptureOptions(", with the prompt's ids and the logits (or class logits)");
        var plan = EditOption.Create();
        var count = new Option<int>("--top", "-n") { Description = "Next tokens, classes or control steps to print.", DefaultValueFactory = _ => 10 };
        var reading = TokenizerOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var json = Output.JsonOption();
        var command = new Command("run",
            "Run a text model over a prompt, with pictures where it sees, or a policy over an observation; keep activations, print what it expects next.")
        {
            name,
        };
        input.AddTo(command);
        foreach (var option in (Option[])[seed, images, plan, count, reading, device, allowed, json])
        {
            command.Add(option);
        }

        kept.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            using var opened = ModelArgument.OpenSpeaking(parsed.GetValue(name)!, allowed.Over(reading.Over(device.ModelOptionsOf(parsed), parsed), parsed));
            if (opened is Policy policy)
            {
                OfPolicy(parsed, policy, cancellation);
                return Task.FromResult(0);
            }

            var model = (TextModel)opened;
            var batch = model.Encode([new PicturePrompt(input.Prompt(parsed, parsed.GetValue(name)!), images.Read(parsed))]);
            var asked = kept.With(parsed, plan.Plan(parsed));
            using var run = model.Run(batch, asked);
            Output.Warn(run.UntouchedEdits);
            if (kept.File(parsed) is not null)
            {
                using var scope = NewDisposeScope();
                kept.Save(parsed, model, run, Beside(model, batch, run));
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
                $"{batch.Lengths[0]} tokens read, {run.Activations.Count} activations kept{(kept.File(parsed) is { } written ? $" in {written}" : "")}");
            TokenizerOption.PrintNotes(model.Tokenizer);
            return Task.FromResult(0);
        });
        return command;

        void OfPolicy(ParseResult parsed, Policy policy, CancellationToken cancellation)
        {
            var (seen, noise) = input.Observation(parsed, policy, images);
            var asked = kept.With(parsed, plan.Plan(parsed));
            using var acting = policy.With(asked, input.Units(parsed));
            using var run = acting.Act([seen], options: new ActOptions { Noise = noise }, cancellation: cancellation);
            Output.Warn(run.UntouchedEdits);
            Output.Warn(policy.DeadEdits(acting.Plan));
            var action = asked.StopAfter is null ? run.Actions[0] : null;
            var answers = action is null ? null : SpokenAction.First(run, parsed.GetValue(count));
            int[] ids = [.. run.Layout.Rows[0].Words.Select(w => w.Id)];
            if (kept.File(parsed) is not null)
            {
                using var scope = NewDisposeScope();
                kept.Save(parsed, policy, run.Run, new Dictionary<string, Tensor>
                {
                    ["in.input_ids"] = tensor(ids.Select(id => (long)id).ToArray(), [1, ids.Length]),
                    [action is null ? "out.residual" : answers is null ? "out.chunk" : "out.logits"] = run.Run.Logits.cpu(),
                });
            }

            if (parsed.GetValue(json))
            {
                Output.Write(new
                {
                    seen.Instruction,
                    Ids = ids,
                    Answers = answers?.Select(a => new
                    {
                        a.Id,
                        Text = policy.Tokenizer.Shown(a.Id),
                        Normalised = SpokenAction.Value(policy, a.Id),
                        a.Logit,
                        a.Probability,
                    }),
                    Chunk = answers is null ? action?.Chunk.Take(parsed.GetValue(count)) : null,
                    Captured = run.Run.Activations.Select(a => new { Address = a.Key.ToString(), Shape = a.Value.shape }),
                    policy.Tokenizer.Notes,
                });
                return;
            }

            var deciding = answers is null ? "" : $": what it expects to say first{(action!.Tokens is null ? "" : $", which is {policy.ActionNames[0]}")}";
            Console.WriteLine($"\"{seen.Instruction}\"{deciding}");
            if (action is null)
            {
                Console.WriteLine("no action: the run ends at the residual stream");
            }
            else if (answers is not null)
            {
                AnsiConsole.Write(SpokenAction.Table(policy, answers));
            }
            else
            {
                AnsiConsole.Write(ActionText.Chunk(policy, action, parsed.GetValue(count)));
                Console.WriteLine(string.Join('\n', ActCommand.Notes(policy, action, noise)));
            }

            var patches = run.Layout.Rows[0].Pictures.Values.Sum(p => p.Rows * p.Columns);
            Console.WriteLine($"{ids.Length} words and {patches} image tokens read, {run.Run.Activations.Count} activations kept"
                + (kept.File(parsed) is { } written ? $" in {written}" : ""));
            TokenizerOption.PrintNotes(policy.Tokenizer);
        }
    }

    private static Dictionary<string, Tensor> Beside(TextModel model, TokenBatch batch, Run run) => new()
    {
        ["in.input_ids"] = tensor(batch.Ids[0].Select(id => (long)id).ToArray(), [1, batch.Ids[0].Count]),
        [model.Labels is null ? "out.logits" : "out.class_logits"] = run.Logits.cpu(),
    };

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
