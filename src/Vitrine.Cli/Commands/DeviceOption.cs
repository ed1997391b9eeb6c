using System.CommandLine;
using System.Globalization;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Cli.Commands;

/// <summary><c>--device</c>: where a model computes, spelled alike by every verb that opens one.</summary>
internal sealed class DeviceOption() : Option<string>("--device")
{
    private const string Cpu = "cpu", Cuda = "cuda";

    /// <summary>The option.</summary>
    public static DeviceOption Create() => new()
    {
        Description = "Where to compute: cpu, or cuda:0 (1, 2, ...) where the libtorch at hand has CUDA.",
        DefaultValueFactory = _ => Cpu,
    };

    /// <summary>How a model is opened there; what was decided about its folder is told on standard error.</summary>
    /// <exception cref="VitrineException">There is no such device, or not here.</exception>
    /// <remarks>On the processor nothing of libtorch is touched here.</remarks>
    public ModelOptions ModelOptionsOf(ParseResult parsed)
        => IsProcessor(parsed) ? Opening(parsed) : Opening(parsed) with
        {
            Device = device($"{Cuda}:{CardOf(parsed.GetValue(this)!, () => cuda.is_available() ? cuda.device_count() : 0)}"),
        };

    /// <summary>Whether the processor was chosen.</summary>
    public bool IsProcessor(ParseResult parsed) => parsed.GetValue(this) == Cpu;

    private static ModelOptions Opening(ParseResult parsed) => new()
    {
        Adapter = !parsed.GetValue(OpeningOptions.NoAdapter),
        GenerationConfig = !parsed.GetValue(OpeningOptions.NoGenerationConfig),
        Told = Console.Error.WriteLine,
        Progress = new OpeningProgress(parsed.CommandResult.Command.Name),
        Cancellation = Output.Interrupted,
    };

    /// <summary>Reads <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="cards">How many CUDA devices the libtorch at hand sees; not asked for the processor.</param>
    /// <returns>Number of the CUDA device; null for the processor.</returns>
    /// <exception cref="VitrineException">There is no such device, or not here.</exception>
    internal static int? CardOf(string text, Func<int> cards)
    {
        if (text == Cpu)
        {
            return null;
        }

        var number = text == Cuda ? "0" : text.StartsWith($"{Cuda}:", StringComparison.Ordinal) ? text[(Cuda.Length + 1)..] : "";
        if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
        {
            throw new VitrineException($"--device is '{text}'; expected cpu, or cuda:0 for the first CUDA device.");
        }

        return cards() switch
        {
            0 => throw new VitrineException(
                $"--device is '{text}'; the libtorch at hand has no CUDA or sees no device. Build with -p:VitrineCompute=cuda-linux or cuda-windows, or take "
                    + "cpu."),
            var count when index >= count => throw new VitrineException($"--device is '{text}'; there are {count} CUDA devices, counted from 0."),
            _ => index,
        };
    }
}
