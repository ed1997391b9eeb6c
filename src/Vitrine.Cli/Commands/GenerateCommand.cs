using System.CommandLine;
using Spectre.Console;
using Vitrine.Inputs.Chat;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine generate MODEL INPUT</c>: what a text model goes on with, or what a policy says of an observation, also under edits.</summary>
internal static class GenerateCommand
{
    private const string Nowhere = "a generation keeps no activations; 'vitrine run --out FILE' does";

    public static Command Create()
    {
        var name = ModelArgument.Speaking();
        var images = PicturesOption.Create();
        var count = new Option<int>("--count", "-n") { Description = "New tokens, or control steps of a chunk, at most.", DefaultValueFactory = _ => 64 };
        var plan = EditOption.Create(", held in every step that its scopes name.");
        var chat = new Option<bool>("--chat") { Description = "Put the prompt into the model's chat template, as a user's message." };
        var system = new Option<string?>("--system") { Description = "With --chat: the system's message." };
        var temperature = new Option<double?>("--temperature")
        {
            Description = "Draw tokens instead of taking the largest logit; 1 leaves the probabilities as they are.",
        };
        var topK = new Option<int?>("--top-k") { Description = "Draw among the k likeliest." };
        var topP = new Option<double?>("--top-p") { Description = "Draw among the likeliest that together hold this share." };
        var minP = new Option<double?>("--min-p") { Description = "Draw among those at least this share as likely as the likeliest." };
        var sample = new Option<bool>("--sample") { Description = "Draw tokens as generation_config.json says; other options go before it." };
        var seed = new Option<ulong>("--seed") { Description = "Decides what is drawn; of a policy that is given nothing: which state of its world it sees." };
        var input = new InputOptions(seed);
        var stop = new Option<string[]>("--stop") { Description = "Stop when the new text holds this.", AllowMultipleArgumentsPerToken = true };
        var endless = new Option<bool>("--ignore-end") { Description = "Go on behind the token that ends a text." };
        var reading = TokenizerOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var json = Output.JsonOption();
        var command = new Command("generate",
            "Let a text model go on from a prompt, with pictures where it sees, token by token, or a policy say its action; also under edits.")
        {
            name,
        };
        input.AddTo(command);
        Option[] ofTexts = [images, chat, system, temperature, topK, topP, minP, sample, stop, endless];
        foreach (var option in (Option[])[.. ofTexts, count, plan, seed, reading, device, allowed, json])
        {
            command.Add(option);
        }

        command.SetAction((parsed, cancellation) =>
        {
            using var opened = ModelArgument.OpenSpeaking(parsed.GetValue(name)!, allowed.Over(reading.Over(device.ModelOptionsOf(parsed), parsed), parsed));
            if (opened is Policy policy)
            {
                OfPolicy(parsed, policy, cancellation);
                return Task.FromResult(0);
            }

            var model = (TextModel)opened;
            var (prompt, seen) = (input.Prompt(parsed, parsed.GetValue(name)!), images.Read(parsed));
            var text = parsed.GetValue(chat)
                ? model.ChatTemplate().Render(Messages(parsed.GetValue(system), prompt, model.Sees ? seen.Count : null), addGenerationPrompt: true)
                : prompt;
            var batch = model.Encode([new PicturePrompt(text, seen)], addSpecialTokens: !parsed.GetValue(chat));
            var settings = model.GenerationSettings;
            var own = new Sampling
            {
                Temperature = parsed.GetValue(temperature) ?? 1,
                TopK = parsed.GetValue(topK),
                TopP = parsed.GetValue(topP),
                MinP = parsed.GetValue(minP),
                Seed = parsed.GetValue(seed),
            };
            var isDrawn = parsed.GetValue(temperature) is not null || own is not { TopK: null, TopP: null, MinP: null };
            var drawn = parsed.GetValue(sample) ? AsFilesSay(settings, own, parsed.GetValue(temperature)) : isDrawn ? own : null;
            if (settings.IsSampled && !parsed.GetValue(sample) && settings.Sampling is { } asked)
            {
                Console.Error.WriteLine($"{settings.Source}: asks for sampling ({GenerationSettings.DrawnBy(asked)}); "
                    + $"{(isDrawn ? $"drawn is by {GenerationSettings.DrawnBy(own)}" : "the largest logit is taken")}. --sample draws as the file says.");
            }

            var options = new GenerationOptions(parsed.GetValue(count))
            {
                Sampling = drawn,
                StopIds = parsed.GetValue(endless) ? [] : model.StopIds,
                StopStrings = [.. parsed.GetValue(stop) ?? [], .. parsed.GetValue(endless) ? [] : settings.StopStrings],
                Decode = ids => model.Tokenizer.Decode(ids),
                KeepLogits = false,
            };
            var stream = model.Tokenizer.Stream();
            var isJson = parsed.GetValue(json);
            var progress = isJson
                ? null
                : new TokenPrinter(step => Console.Write(step.Stopped[0] && model.StopIds.Contains(step.Ids[0]) ? "" : stream.Add(step.Ids[0])));
            var edits = plan.Plan(parsed);
            CaptureOptions.WarnOfNowhere(edits, Nowhere);
            using var generation = model.Generate(batch, options, edits, progress: progress, cancellation: cancellation);
            Output.Warn(generation.Run.UntouchedEdits);
            if (isJson)
            {
                Output.Write(new
                {
                    Prompt = text,
                    PromptIds = batch.Ids[0],
                    Ids = generation.Ids[0],
                    Text = model.Tokenizer.Decode(generation.Ids[0]),
                });
            }
            else
            {
                Console.WriteLine(stream.Finish());
            }

            return Task.FromResult(0);
        });
        return command;

        void OfPolicy(ParseResult parsed, Policy policy, CancellationToken cancellation)
        {
            var (seen, noise) = input.Observation(parsed, policy, ofTexts);
            var edits = plan.Plan(parsed);
            CaptureOptions.WarnOfNowhere(edits, Nowhere);
            using var acting = policy.With(edits, input.Units(parsed));
            using var run = acting.Act([seen], options: new ActOptions { Noise = noise }, cancellation: cancellation);
            Output.Warn(run.UntouchedEdits);
            Output.Warn(policy.DeadEdits(acting.Plan));
            var (action, most) = (run.Actions[0], parsed.GetValue(count));
            var said = SpokenAction.Ids(action);
            if (parsed.GetValue(json))
            {
                Output.Write(new
                {
                    Prompt = seen.Instruction,
                    PromptIds = run.Layout.Rows[0].Words.Select(w => w.Id),
                    Ids = said.Take(most),
                    Text = string.Join(' ', said.Take(most).Select(policy.Tokenizer.Shown)),
                    Normalised = Told(action.Normalised),
                    Chunk = Told(action.Chunk),
                    action.Problem,
                });
                return;
            }

            Console.WriteLine($"\"{seen.Instruction}\"");
            if (said.Count > 0)
            {
                AnsiConsole.Write(SpokenAction.Said(policy, action, most));
            }

            if (action.Tokens is null)
            {
                AnsiConsole.Write(ActionText.Chunk(policy, action, most));
            }

            foreach (var note in ActCommand.Notes(policy, action, noise))
            {
                Console.WriteLine(note);
            }

            // A token says one number of the only step, or all of them a chunk.
            IEnumerable<IEnumerable<double>> Told(IReadOnlyList<IReadOnlyList<double>> rows)
                => action.Tokens is null ? rows.Take(most) : rows.Select(row => row.Take(most));
        }
    }

    /// <summary>As the files have tokens drawn, but for what the command line says.</summary>
    private static Sampling AsFilesSay(GenerationSettings settings, Sampling own, double? temperature)
    {
        var files = settings.Sampling
            ?? throw new VitrineException($"{settings.Source}: says nothing of sampling; give --temperature, --top-k, --top-p or --min-p.");
        return files with
        {
            Temperature = temperature ?? files.Temperature,
            TopK = own.TopK ?? files.TopK,
            TopP = own.TopP ?? files.TopP,
            MinP = own.MinP ?? files.MinP,
            Seed = own.Seed,
        };
    }

    /// <remarks>The pictures stand in front of the user's words; a model that sees is given parts in every message, as its template expects.</remarks>
    private static IEnumerable<ChatMessage> Messages(string? system, string prompt, int? pictures) =>
    [
        .. system is null ? Array.Empty<ChatMessage>() : [new ChatMessage("system", system) { Pictures = pictures is null ? null : 0 }],
        new ChatMessage("user", prompt) { Pictures = pictures },
    ];

    /// <summary>Hears of tokens on the thread that makes them, so that they are printed in order.</summary>
    private sealed class TokenPrinter(Action<GeneratedStep> print) : IProgress<GeneratedStep>
    {
        public void Report(GeneratedStep value) => print(value);
    }
}
