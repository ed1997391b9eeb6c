using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>A language model opened from a folder of <c>config.json</c> and safetensors. Its weights are read-only: runs may go side by side.</summary>
public sealed class TextModel : IDisposable
{
    private readonly Checkpoint checkpoint;
    private readonly List<Tensor> owned;
    private readonly TextStack language;

    private TextModel(string family, Checkpoint checkpoint, List<Tensor> owned, TextStack language)
        => (Family, this.checkpoint, this.owned, this.language) = (family, checkpoint, owned, language);

    /// <summary>The <c>model_type</c> of config.json.</summary>
    public string Family { get; }

    /// <summary>The decoder.</summary>
    public Stack Language => language.Stack;

    /// <summary>Opens a folder.</summary>
    /// <param name="folder">With config.json and model.safetensors, or shards and their index.</param>
    /// <param name="dtype">What to compute in; float64 exists to tell a bug from rounding.</param>
    /// <param name="config">Another configuration file of the same folder.</param>
    /// <exception cref="VitrineException">A file, key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static TextModel Open(string folder, ScalarType dtype = ScalarType.Float32, string config = "config.json")
    {
        var json = ConfigReader.Open(Path.Combine(folder, config));
        var family = json.Text("model_type");
        if (family != "llama")
        {
            throw new VitrineException($"{json.Source}: model_type is '{family}'; text models of this version are: llama.");
        }

        var checkpoint = Checkpoint.Open(folder);
        var weights = new WeightReader(checkpoint, folder, dtype);
        try
        {
            var language = Llama.Load(weights, "", Llama.Read(json));
            weights.RefuseOthers(Llama.IsUnused);
            return new TextModel(family, checkpoint, weights.Owned, language);
        }
        catch
        {
            weights.Owned.ForEach(t => t.Dispose());
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>One forward pass over whole prompts.</summary>
    /// <param name="batch">Prompts.</param>
    /// <param name="plan">What to read and change; nothing when null.</param>
    /// <returns>Logits (B,T,V) and what was captured.</returns>
    public Run Run(TokenBatch batch, RunPlan? plan = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var bound = BoundPlan.Bind(plan ?? RunPlan.Empty, [Language.Shape], Language.Dtype);
        using var mode = Mode(bound);
        using var scope = NewDisposeScope();
        var kept = new Dictionary<Address, Tensor>();
        var logits = language.Prefill(language.Embed(Ids(batch)), Positions(batch), bound, kept);
        return new Run(kept, logits.DetachFromDisposeScope());
    }

    /// <summary>Greedy generation with a key/value cache; the plan acts in the prefill and in every step that its scopes name.</summary>
    /// <param name="batch">Prompts.</param>
    /// <param name="count">New tokens; no stop token is looked for.</param>
    /// <param name="plan">What to read and change.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    public Generation Generate(TokenBatch batch, int count, RunPlan? plan = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        var bound = BoundPlan.Bind(plan ?? RunPlan.Empty, [Language.Shape], Language.Dtype);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var kept = new Dictionary<Address, Tensor>();
        var (ids, logits) = language.Decode(language.Embed(Ids(batch)), Positions(batch), count, bound, kept, cancellation);
        return new Generation(ids, new Run(kept, logits.DetachFromDisposeScope()));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        owned.ForEach(t => t.Dispose());
        checkpoint.Dispose();
    }

    internal static IDisposable Mode(BoundPlan plan) => plan.NeedsGradients ? enable_grad() : no_grad();

    private static Tensor Ids(TokenBatch batch) => tensor([.. batch.Ids.SelectMany(r => r)], [batch.Ids.Count, batch.Ids[0].Count]);

    private static long[][] Positions(TokenBatch batch) => [.. batch.Positions.Select(r => r.ToArray())];
}

/// <summary>What was generated.</summary>
/// <param name="Ids">[row][token], the new tokens only.</param>
/// <param name="Run">Its logits (B,count,V) are those that each token was taken from.</param>
public sealed record Generation(IReadOnlyList<IReadOnlyList<long>> Ids, Run Run) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Run.Dispose();
}
