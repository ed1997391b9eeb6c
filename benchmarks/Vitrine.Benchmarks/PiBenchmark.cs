using System.Text.Json.Nodes;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>A full-size pi0 or pi0.5: opened with every tensor accounted for, one chunk, and its matrix products alone.</summary>
internal static class PiBenchmark
{
    public static void Run(Arguments arguments)
    {
        var folder = arguments.Needed("--dir");
        var form = arguments.Text("--write");
        if (form is not null)
        {
            var (tensors, numbers) = PiCheckpoint.Write(folder, arguments.Needed("--like"), random: form == "random");
            Console.WriteLine($"written: {tensors} tensors, {numbers:N0} numbers, {2 * numbers:N0} bytes");
        }

        set_num_threads(arguments.Number("--threads", Environment.ProcessorCount));
        using var memory = new MemoryWatch();
        FlowPolicy? opened = null;
        var open = Measured.Of(() => opened = (FlowPolicy)Policy.Open(folder, ModelOptions.Default with { Storage = WeightStorage.AsStored }));
        using var policy = opened!;
        Console.WriteLine(FormattableString.Invariant($"{policy.Family}: opened in {open.Wall:0.0} s, every tensor of the file has its place; {memory}"));
        if (form == "sparse")
        {
            return;
        }

        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!;
        var width = config["input_features"]!["observation.state"]!["shape"]![0]!.GetValue<int>();
        var seen = new Observation(
            policy.Cameras.ToDictionary(c => c, _ => new Picture(224, 224, [.. Enumerable.Range(0, 224 * 224 * 3).Select(i => (byte)(i * 31))])),
            "pick up the red block")
        {
            State = new Dictionary<string, StateVector> { ["state"] = new([.. Enumerable.Range(0, width).Select(i => 0.1 * (i % 3))]) },
        };
        var act = Measured.Of(() => policy.Act([seen]).Dispose());
        var products = Measured.Of(() => policy.Products([seen]));
        Console.WriteLine(FormattableString.Invariant($"one chunk of {policy.Horizon} in {policy.FlowSteps} flow steps, {policy.Cameras.Count} cameras: ")
            + FormattableString.Invariant($"{act.Wall:0.0} s, {act.Processor:0.0} s of processor time; its products {products.Wall:0.0} s, ")
            + FormattableString.Invariant($"{products.Processor:0.0} s; outside them {1 - (products.Processor / act.Processor):0 %}; {memory}"));
    }
}
