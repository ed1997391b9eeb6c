using System.CommandLine;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine calibrate POLICY</c>: how strongly each neuron fires by itself.</summary>
internal static class CalibrateCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Policy();
        var states = new Option<int>("--states", "-n") { Description = "Situations of the tabletop to watch.", DefaultValueFactory = _ => 96 };
        var seed = new Option<ulong>("--seed") { Description = "Decides the situations.", DefaultValueFactory = _ => 1 };
        var path = new Option<string>("--out") { Description = "File to write.", DefaultValueFactory = _ => "calibration.json" };
        var command = new Command("calibrate", "Measure mean, deviation and quantiles of every neuron where actions are decided.") { name, states, seed, path };
        command.SetAction(async (parsed, cancellation) =>
        {
            AtomicFile.RequireWritable(parsed.GetValue(path)!);
            using var policy = Policy.Open(parsed.GetValue(name)!);
            var calibration = await Output.WithProgressAsync("watching neurons", p => Task.FromResult(Measure(policy, parsed.GetValue(seed), parsed.GetValue(states), p, cancellation))).ConfigureAwait(false);
            AtomicFile.WriteAllText(parsed.GetValue(path)!, calibration.ToJson());
            Console.WriteLine($"{parsed.GetValue(path)}: {calibration.Layers} x {calibration.Neurons} neurons over {calibration.Samples} positions of {parsed.GetValue(states)} situations");
            return 0;
        });
        return command;
    }

    /// <summary>Calibrates on situations that serve for selection, adverbs included.</summary>
    public static Calibration Measure(Policy policy, ulong seed, int states, IProgress<double>? progress, CancellationToken cancellation)
        => Calibration.Measure(policy, TabletopStates.Draw(seed, LayoutSplit.Selection, ["reach", "lift", "push", "move"], states, adverbs: true), progress: progress, cancellation: cancellation);
}
