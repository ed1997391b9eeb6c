using System.Text.Json;
using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>The value vectors of a checkpoint on disk: its other weights are never read, and of these one layer at a time.</summary>
/// <remarks>
/// Names: <c>PREFIXlayers.L.mlp.down_proj.weight</c> [d, F], columns are value vectors (Llama, OpenVLA, Gemma, Qwen, SmolVLM; the last file-wide prefix that has a vocabulary);
/// unembedding <c>lm_head.weight</c>, or the token embedding where it is tied. Gemma stores its norm's gain minus one.
/// </remarks>
public sealed class CheckpointValueVectors : IValueVectorSource, IDisposable
{
    private const string Down = "layers.0.mlp.down_proj.weight";
    private readonly Checkpoint checkpoint;
    private readonly string prefix;
    private readonly string unembedding;
    private readonly bool gainIsOffset;

    private CheckpointValueVectors(string folder, Checkpoint checkpoint)
    {
        (Name, this.checkpoint) = (folder, checkpoint);
        var prefixes = checkpoint.Names.Where(n => n.EndsWith(Down, StringComparison.Ordinal)).Select(n => n[..^Down.Length]).Where(p => checkpoint.Contains($"{p}embed_tokens.weight")).ToArray();
        prefix = prefixes is [var only] ? only : throw new VitrineException($"{folder}: {prefixes.Length} decoders with '{Down}' and a token embedding; expected one.");
        var outer = prefix.EndsWith("model.", StringComparison.Ordinal) ? prefix[..^"model.".Length] : prefix;
        string[] heads = [$"{outer}lm_head.weight", "lm_head.weight", $"{prefix}embed_tokens.weight"];
        unembedding = heads.First(checkpoint.Contains);
        var down = checkpoint.Entry($"{prefix}{Down}").Shape;
        var vocabulary = checkpoint.Entry(unembedding).Shape;
        if (down.Count != 2 || vocabulary.Count != 2 || down[0] != vocabulary[1])
        {
            throw new VitrineException($"{folder}: '{prefix}{Down}' is [{string.Join(", ", down)}] and '{unembedding}' [{string.Join(", ", vocabulary)}]; expected [d, neurons] and [vocabulary, d].");
        }

        (Neurons, Vocabulary) = (checked((int)down[1]), checked((int)vocabulary[0]));
        while (checkpoint.Contains($"{prefix}layers.{Layers}.mlp.down_proj.weight"))
        {
            Layers++;
        }

        gainIsOffset = ModelType(folder).StartsWith("gemma", StringComparison.Ordinal);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Fingerprint => checkpoint.Fingerprint;

    /// <inheritdoc/>
    public int Layers { get; }

    /// <inheritdoc/>
    public int Neurons { get; }

    /// <inheritdoc/>
    public int Vocabulary { get; }

    /// <summary>Opens a folder.</summary>
    /// <exception cref="VitrineException">It holds no decoder of a known form.</exception>
    public static CheckpointValueVectors Open(string folder)
    {
        var checkpoint = Checkpoint.Open(folder);
        try
        {
            return new CheckpointValueVectors(folder, checkpoint);
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor Vectors(int layer)
    {
        if (layer < 0 || layer >= Layers)
        {
            throw new VitrineException($"layer {layer}: {Name} has {Layers} layers, counted from 0.");
        }

        using var scope = NewDisposeScope();
        var width = checkpoint.Entry(unembedding).Shape[1];
        return checkpoint.Read($"{prefix}layers.{layer}.mlp.down_proj.weight", [width, Neurons]).to(float32).t().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor Unembedding() => Float(unembedding);

    /// <inheritdoc/>
    public Tensor Gain()
    {
        using var scope = NewDisposeScope();
        var stored = Float($"{prefix}norm.weight");
        return (gainIsOffset ? stored + ones_like(stored) : stored).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => checkpoint.Dispose();

    private Tensor Float(string name)
    {
        using var scope = NewDisposeScope();
        return checkpoint.Read(name).to(float32).MoveToOuterDisposeScope();
    }

    private static string ModelType(string folder)
    {
        var file = Path.Combine(folder, "config.json");
        if (!File.Exists(file))
        {
            return "";
        }

        try
        {
            using var config = JsonDocument.Parse(File.ReadAllBytes(file));
            var at = config.RootElement.TryGetProperty("text_config", out var text) && text.ValueKind == JsonValueKind.Object ? text : config.RootElement;
            return at.TryGetProperty("model_type", out var type) ? type.GetString() ?? "" : "";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new VitrineException($"{file}: is not the JSON of a configuration ({e.Message}).", e);
        }
    }
}
