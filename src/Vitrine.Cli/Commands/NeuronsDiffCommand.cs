using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine neurons diff BASE TUNED</c>: what fine-tuning did to every value vector.</summary>
internal static class NeuronsDiffCommand
{
    private const int Extremes = 8;

    public static Command Create()
    {
        var before = new Argument<string>("BASE") { Description = "The base model: a folder, or ORG/NAME in the local cache; any checkpoint whose decoder has the tuned one's sizes." };
        var after = new Argument<string>("TUNED") { Description = ModelArgument.Policy().Description };
        var top = new Option<int>("--top") { Description = "Tokens at each end.", DefaultValueFactory = _ => 30 };
        var count = new Option<int>("--count", "-n") { Description = "New action writers to list.", DefaultValueFactory = _ => 10 };
        var seed = new Option<int>("--seed") { Description = "Of the controls." };
        var json = Output.JsonOption();
        var command = new Command("diff", "Compare the value vectors of a base model with those of a tuned one, beside controls.") { before, after, top, count, seed, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var policy = Policy.Open(parsed.GetValue(after)!);
            using var old = CheckpointValueVectors.Open(Policy.Catalog.Locate(parsed.GetValue(before)!).Folder);
            var tokens = TokenReader.Of(policy);
            var settings = new ProjectionSettings { Count = parsed.GetValue(top), Tokens = tokens.Valid };
            var diff = await Output.WithProgressAsync("comparing value vectors", p => Task.FromResult(
                NeuronDiff.Of(old, new StackValueVectors(policy.Language, policy.Fingerprint), tokens.IsAction, settings, parsed.GetValue(seed), p, cancellation))).ConfigureAwait(false);
            if (parsed.GetValue(json))
            {
                Output.Write(diff);
                return 0;
            }

            Print(diff, tokens, parsed.GetValue(count));
            return 0;
        });
        return command;
    }

    private static void Print(NeuronDiff diff, TokenReader tokens, int count)
    {
        var profile = Output.Table("layer", "cosine", "of random pairs", "change / norm", "action tokens before", "after", "shuffled vocabulary", "new writers", "lost");
        foreach (var layer in diff.Layers)
        {
            profile.Add($"{layer.Layer}", Number(layer.Cosine), Number(layer.CosineOfRandomPairs), Number(layer.Change), Share(layer.BaseActions), Share(layer.TunedActions), Share(layer.ShuffledActions), $"{layer.NewWriters}", $"{layer.LostWriters}");
        }

        AnsiConsole.Write(profile);
        var writers = Output.Table("new action writer", "action tokens before", "after", "cosine", "change / norm");
        foreach (var neuron in diff.NewWriters.Take(count))
        {
            writers.Add($"{neuron.Neuron}", $"{neuron.BaseActions}", $"{neuron.TunedActions}", Number(neuron.Cosine), Number(neuron.Change));
        }

        AnsiConsole.Write(writers);
        var ranked = diff.Tokens.OrderByDescending(t => t.Z).ThenBy(t => t.Id).ToArray();
        var extremes = Output.Table("token", "neurons before", "after", "z of the change");
        foreach (var token in ranked.Take(Extremes).Concat(ranked.TakeLast(Extremes)).DistinctBy(t => t.Id))
        {
            extremes.Add(tokens.Print(token.Id), $"{token.Base}", $"{token.Tuned}", Number(token.Z));
        }

        AnsiConsole.Write(extremes);
        Console.WriteLine($"writers: at least {NeuronDiff.Enough} action tokens among the top; z: change of a token's count in deviations over all tokens. A changed vector is no proof of a changed behaviour.");
    }

    private static string Number(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    private static string Share(double value) => value.ToString("0.0 %", CultureInfo.InvariantCulture);
}
