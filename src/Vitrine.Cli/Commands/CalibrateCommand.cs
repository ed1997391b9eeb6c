using System.CommandLine;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine calibrate POLICY</c>: how strongly each neuron fires by itself.</summary>
internal static class CalibrateCommand
{
    public static Command Create()
    {
        var name = ModelArgument.Policy();
        var states = new StateOptions(drawn: 96);
        var units = UnitsOption.Create();
        var device = DeviceOption.Create();
        var allowed = NonFiniteOption.Create();
        var path = new Option<string>("--out") { Description = "File to write.", DefaultValueFactory = _ => "calibration.json" };
        var command = new Command(
            "calibrate", "Measure mean, deviation and quantiles (linear between neighbours, as NumPy's) of every neuron where actions are decided.")
        {
            name, units, path, device, allowed,
        };
        states.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            AtomicFile.RequireWritable(parsed.GetValue(path)!);
            using var policy = Policy.Open(parsed.GetValue(name)!, allowed.Over(device.ModelOptionsOf(parsed), parsed));
            using var acting = policy.With(units: parsed.GetValue(units));
            var observations = states.Source(parsed, policy).ForCalibration(states.Count(parsed));
            var calibration = await Output.WithProgressAsync(
                "watching neurons", p => Task.FromResult(Calibration.Measure(acting, observations, p, cancellation))).ConfigureAwait(false);
            AtomicFile.WriteAllText(parsed.GetValue(path)!, calibration.ToJson());
            var size = $"{calibration.Layers} x {calibration.Neurons} neurons";
            Console.WriteLine($"{parsed.GetValue(path)}: {size} over {calibration.Samples} positions of {observations.Count} situations");
            return 0;
        });
        return command;
    }
}
