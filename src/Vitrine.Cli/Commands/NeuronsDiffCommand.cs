using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine neurons diff BASE TUNED</c>: what fine-tuning did to every value vector.</summary>
internal static class NeuronsDiffCommand
{
    private const int Extremes = 8;

    public static Command Create()
    {
        var before = new Argument<string>("BASE") { Description = $"The base model. {ModelArgument.Any().Description}" };
        var after = new Argument<string>("TUNED") { Description = "The tuned model, named alike; its stack has as many neurons of the same width." };
        var stack = new Option<string?>("--stack")
        {
            Description = "Which stack of TUNED, e.g. dino; by default the one that reads words, or an encoder's tower.",
        };
        var baseStack = new Option<string?>("--base-stack")
        {
            Description = "Which stack of BASE; by default the one that is called as TUNED's, else its default.",
        };
        var top = new Option<int>("--top") { Description = "Tokens at each end.", DefaultValueFactory = _ => 30 };
        var count = new Option<int>("--count", "-n") { Description = "Neurons to list.", DefaultValueFactory = _ => 10 };
        var seed = new Option<int>("--seed") { Description = "Of the controls." };
        var raw = RawOption.Create();
        var device = DeviceOption.Create();
        var json = Output.JsonOption();
        var command = new Command("diff", "Compare the value vectors of a base model with those of a tuned one, beside controls.")
        {
            before, after, stack, baseStack, top, count, seed, raw, device, json,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var opening = StackValueVectors.Mapped(device.ModelOptionsOf(parsed));
            using var tuned = Policy.Catalog.Open(parsed.GetValue(after)!, opening);
            using var old = Policy.Catalog.Open(parsed.GetValue(before)!, opening);
            using var now = new StackValueVectors(tuned, parsed.GetValue(stack)) { IsRaw = parsed.GetValue(raw) };
            var likewise = old.Stacks.FirstOrDefault(s => s.Layers > 0 && s.Name == now.Stack)?.Name;
            using var then = new StackValueVectors(old, parsed.GetValue(baseStack) ?? likewise) { IsRaw = parsed.GetValue(raw) };
            var (tokens, why) = Words(tuned, now, then);
            var diff = await Output.WithProgressAsync("comparing value vectors", p => Task.FromResult(tokens is null
                ? NeuronDiff.OfVectors(then, now, parsed.GetValue(seed), p, cancellation)
                : NeuronDiff.Of(
                    then, now, tokens.Actions is null ? null : tokens.IsAction, new ProjectionSettings { Count = parsed.GetValue(top), Tokens = tokens.Valid },
                    parsed.GetValue(seed), p, cancellation))).ConfigureAwait(false);
            if (parsed.GetValue(json))
            {
                Output.Write(diff);
                return 0;
            }

            if (tokens?.Actions is not null)
            {
                PrintActions(diff, parsed.GetValue(count));
            }
            else
            {
                PrintVectors(diff, parsed.GetValue(count));
            }

            RawOption.Tell(then, now);
            if (then.Layers != now.Layers)
            {
                Console.WriteLine($"{then.Name} has {then.Layers} layers, {now.Name} {now.Layers}: those that both have are compared.");
            }

            if (tokens is null)
            {
                Console.WriteLine($"Tokens are left out: {why} A changed vector is no proof of a changed behaviour.");
            }
            else
            {
                PrintTokens(diff, tokens);
            }

            return 0;
        });
        return command;
    }

    /// <summary>The vocabulary that both speak, or why there is none.</summary>
    private static (TokenReader? Tokens, string Why) Words(Model tuned, StackValueVectors now, StackValueVectors then)
    {
        if (now.Vocabulary == 0 || then.Vocabulary == 0)
        {
            return (null, $"{(now.Vocabulary == 0 ? now : then).Name} has no vocabulary.");
        }

        try
        {
            return (TokenReader.Of(tuned), "");
        }
        catch (VitrineException e)
        {
            return (null, e.Message);
        }
    }

    private static void PrintActions(NeuronDiff diff, int count)
    {
        var profile = Output.Table(
            "layer", "cosine", "of random pairs", "change / norm", "action tokens before", "after", "shuffled vocabulary",
            "new writers", "lost");
        foreach (var layer in diff.Layers)
        {
            profile.Add(
                $"{layer.Layer}", Number(layer.Cosine), Number(layer.CosineOfRandomPairs), Number(layer.Change), Share(layer.BaseActions),
                Share(layer.TunedActions), Share(layer.ShuffledActions), $"{layer.NewWriters}", $"{layer.LostWriters}");
        }

        AnsiConsole.Write(profile);
        var writers = Output.Table("new action writer", "action tokens before", "after", "cosine", "change / norm");
        foreach (var neuron in diff.NewWriters.Take(count))
        {
            writers.Add($"{neuron.Neuron}", $"{neuron.BaseActions}", $"{neuron.TunedActions}", Number(neuron.Cosine), Number(neuron.Change));
        }

        AnsiConsole.Write(writers);
    }

    private static void PrintVectors(NeuronDiff diff, int count)
    {
        var profile = Output.Table("layer", "cosine", "of random pairs", "change / norm");
        foreach (var layer in diff.Layers)
        {
            profile.Add($"{layer.Layer}", Number(layer.Cosine), Number(layer.CosineOfRandomPairs), Number(layer.Change));
        }

        AnsiConsole.Write(profile);
        var most = diff.MostChanged(count);
        if (most.Count == 0)
        {
            Console.WriteLine("no value vector changed");
            return;
        }

        var changed = Output.Table("most changed neuron", "cosine", "change / norm");
        foreach (var neuron in most)
        {
            changed.Add($"{neuron.Neuron}", Number(neuron.Cosine), Number(neuron.Change));
        }

        AnsiConsole.Write(changed);
    }

    private static void PrintTokens(NeuronDiff diff, TokenReader tokens)
    {
        var ranked = diff.Tokens.OrderByDescending(t => t.Z).ThenBy(t => t.Id).ToArray();
        var extremes = Output.Table("token", "neurons before", "after", "z of the change");
        foreach (var token in ranked.Take(Extremes).Concat(ranked.TakeLast(Extremes)).DistinctBy(t => t.Id))
        {
            extremes.Add(tokens.Print(token.Id), $"{token.Base}", $"{token.Tuned}", Number(token.Z));
        }

        AnsiConsole.Write(extremes);
        var writers = tokens.Actions is null ? "" : $"writers: at least {NeuronDiff.Enough} action tokens among the top; ";
        Console.WriteLine($"{writers}z: change of a token's count in deviations over all tokens. A changed vector is no proof of a changed behaviour.");
    }

    private static string Number(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    private static string Share(double? value) => value?.ToString("0.0 %", CultureInfo.InvariantCulture) ?? "";
}
