using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>An image encoder opened from a folder in timm's layout.</summary>
public sealed class VisionModel : IDisposable
{
    private readonly Checkpoint checkpoint;
    private readonly List<Tensor> owned;

    private VisionModel(Checkpoint checkpoint, List<Tensor> owned, VisionStack vision) => (this.checkpoint, this.owned, Vision) = (checkpoint, owned, vision);

    /// <summary>The tower.</summary>
    public VisionStack Vision { get; }

    /// <summary>Opens a folder of timm's config.json and safetensors.</summary>
    /// <exception cref="VitrineException">A file, key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static VisionModel Open(string folder, ScalarType dtype = ScalarType.Float32)
    {
        var json = ConfigReader.Open(Path.Combine(folder, "config.json"));
        var architecture = json.Text("architecture");
        if (!architecture.StartsWith("vit_", StringComparison.Ordinal))
        {
            throw new VitrineException($"{json.Source}: architecture is '{architecture}'; image encoders of this version are timm's vit_*.");
        }

        var checkpoint = Checkpoint.Open(folder);
        var weights = new WeightReader(checkpoint, folder, dtype);
        try
        {
            var config = TimmVisionTransformer.Read(json.Object("model_args"));
            var vision = TimmVisionTransformer.Load(weights, "", config, "vision", config.Depth, config.Depth - 2, "gamma");
            weights.RefuseOthers(_ => false);
            return new VisionModel(checkpoint, weights.Owned, vision);
        }
        catch
        {
            weights.Owned.ForEach(t => t.Dispose());
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>One forward pass.</summary>
    /// <param name="pixels">(B,3,S,S), normalised; stays the caller's.</param>
    /// <param name="plan">What to read and change.</param>
    /// <returns>The pooled output (B,d) as the run's output, and what was captured.</returns>
    public Run Run(Tensor pixels, RunPlan? plan = null)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        var bound = BoundPlan.Bind(plan ?? RunPlan.Empty, [Vision.Stack.Shape], Vision.Stack.Dtype);
        using var mode = TextModel.Mode(bound);
        using var scope = NewDisposeScope();
        var kept = new Dictionary<Address, Tensor>();
        var (_, pooled) = Vision.Forward(pixels, bound, kept);
        return new Run(kept, pooled!.DetachFromDisposeScope());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        owned.ForEach(t => t.Dispose());
        checkpoint.Dispose();
    }
}
