using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Patching;

/// <summary>What corrupts a run in causal tracing: normal noise on the embeddings of some positions (Meng et al. 2022).</summary>
/// <param name="Positions">Of the subject, in the row's own text; negative from the end.</param>
public sealed record TracingNoise(IReadOnlyList<int> Positions)
{
    /// <summary>Its standard deviation; three times that of all coordinates of the inputs' embeddings when null, as the paper has it.</summary>
    public double? Deviation { get; init; }

    /// <summary>Noised runs of each input.</summary>
    public int Samples { get; init; } = 10;

    /// <summary>Of the noise.</summary>
    public int Seed { get; init; }

    /// <summary>The plan of each noised run, input by input.</summary>
    internal Func<int, RunPlan> Plans(Subject clean)
    {
        if (Samples < 1 || Positions.Count == 0 || Deviation is { } given && !(given > 0 && double.IsFinite(given)))
        {
            throw new VitrineException($"tracing: {Samples} samples of noise {Deviation} on {Positions.Count} positions; expected at least one of each, "
                + "above 0.");
        }

        foreach (var (row, columns) in clean.Columns.Index())
        {
            if (Positions.FirstOrDefault(p => p >= columns.Length || p < -columns.Length, int.MaxValue) is var missing && missing != int.MaxValue)
            {
                throw new VitrineException($"tracing: there is no position {missing}; row {row} has {columns.Length}, counted from 0.");
            }
        }

        var embed = new Address(clean.Shape.Name, null, Point.Embed).ToString();
        var deviation = Deviation ?? 3 * OfEmbeddings(clean, embed);
        return run =>
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator(unchecked((ulong)(((long)Seed << 20) + run)), CPU);
            var noise = randn([1, Positions.Count, clean.Shape.Width], generator: generator) * tensor((float)deviation);
            return RunPlan.Editing(new Add(embed, EditValue.Of(noise))
            {
                Scope = new EditScope
                {
                    Positions = new Positions { Indices = Positions },
                    Steps = [0]
                }
            });
        };
    }

    private static double OfEmbeddings(Subject clean, string embed)
    {
        using var scope = NewDisposeScope();
        using var run = clean.Run(RunPlan.Capturing(embed));
        var rows = clean.Columns.Index().Select(row => run.Run[embed][row.Index].index_select(0, tensor(row.Item.Select(c => (long)c).ToArray())));
        return cat([.. rows], 0).to(float64).std().item<double>();
    }

    /// <summary>Two that ask for the same are equal.</summary>
    public bool Equals(TracingNoise? other)
        => other is not null && Positions.SequenceEqual(other.Positions) && (Deviation, Samples, Seed) == (other.Deviation, other.Samples, other.Seed);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Positions.Count, Deviation, Samples, Seed);
}
