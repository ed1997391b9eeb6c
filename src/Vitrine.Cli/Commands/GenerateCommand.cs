using System.CommandLine;
using Vitrine.Inputs.Chat;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine generate MODEL PROMPT</c>: what a text model goes on with, also under edits.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Text();
        var prompt = new Argument<string>("PROMPT") { Description = "Where the text begins." };
        var images = PicturesOption.Create();
        var count = new Option<int>("--count", "-n") { Description = "New tokens at most.", DefaultValueFactory = _ => 64 };
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
        var seed = new Option<ulong>("--seed") { Description = "Decides what is drawn." };
        var stop = new Option<string[]>("--stop") { Description = "Stop when the new text holds this.", AllowMultipleArgumentsPerToken = true };
        var endless = new Option<bool>("--ignore-end") { Description = "Go on behind the token that ends a text." };
        var reading = TokenizerOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var json = Output.JsonOption();
        var command = new Command("generate", "Let a text model go on from a prompt, with pictures where it sees, token by token, also under edits.")
        {
            name, prompt, images, count, plan, chat, system, temperature, topK, topP, minP, sample, seed, stop, endless, reading, device, allowed, json,
        };
        command.SetAction((parsed, cancellation) =>
        {
            using var model = ModelArgument.OpenText(parsed.GetValue(name)!, allowed.Over(reading.Over(device.ModelOptionsOf(parsed), parsed), parsed));
            var seen = images.Read(parsed);
            var text = parsed.GetValue(chat)
                ? model.ChatTemplate().Render(
                    Messages(parsed.GetValue(system), parsed.GetValue(prompt)!, model.Sees ? seen.Count : null), addGenerationPrompt: true)
                : parsed.GetValue(prompt)!;
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
            CaptureOptions.WarnOfNowhere(edits, "a generation keeps no activations; 'vitrine run --out FILE' does");
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
