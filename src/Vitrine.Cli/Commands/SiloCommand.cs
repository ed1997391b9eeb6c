using System.CommandLine;
using Vitrine.Cluster;
using Vitrine.Policies;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine silo</c>: lends this machine's workers to the studies of a cluster.</summary>
internal static class SiloCommand
{
    public static Command Create()
    {
        var cluster = new ClusterOptionSet(port: 11111);
        var gateway = new Option<int>("--gateway-port") { Description = "For Orleans clients of your own; 0 for none, Vitrine needs none." };
        var workers = WorkersOption.Create("Chunks that run here at the same time.");
        var policy = new Option<string?>("--policy")
        {
            Description = "Where this machine has the studies' policy, if elsewhere than their files say; weights are compared.",
        };
        policy.CompletionSources.Add([.. Policy.Catalog.Embedded]);
        var device = DeviceOption.Create();
        var command = new Command("silo", "Join a cluster: run chunks of 'vitrine study run --cluster' of any machine until interrupted.")
        {
            gateway, workers, policy, device,
        };
        cluster.AddTo(command);
        cluster.Postgres.Required = true;
        command.SetAction(async (parsed, cancellation) =>
        {
            var sideBySide = workers.Of(parsed);
            var options = cluster.Of(parsed, parsed.GetValue(gateway));
            using var shelf = new PolicyShelf(name => Policy.Open(parsed.GetValue(policy) ?? name, device.ModelOptionsOf(parsed)));
            Tell($"joining the cluster '{options.Name}'; after a crash on another port this waits up to half a minute for silos that seem alive");
            var silo = await ClusterSilo.StartAsync(shelf.Open, sideBySide, options, cancellation).ConfigureAwait(false);
            await using var _ = silo.ConfigureAwait(false);
            Tell($"silo {silo.Endpoint}: joined with {sideBySide} worker{(sideBySide == 1 ? "" : "s")}; interrupt it to leave");
            await Task.WhenAny(silo.Ended, Task.Delay(Timeout.Infinite, cancellation)).ConfigureAwait(false);
            return cancellation.IsCancellationRequested ? 0
                : throw new VitrineException($"silo {silo.Endpoint}: the cluster has declared it dead, and it ended.");
        });
        return command;
    }

    private static void Tell(string line) => Console.Error.WriteLine(line);
}
