using System.Text.Json;
using System.Text.Json.Serialization;
using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Training;

/// <summary>All that a training must remember to go on as if it had never been stopped, in one file that is replaced whole.</summary>
/// <param name="Recipe">How it is done.</param>
/// <param name="From">Where it started.</param>
/// <param name="FromFingerprint">Fingerprint of that policy.</param>
/// <param name="FromScratch">Whether its weights began anew.</param>
/// <param name="Step">Steps done.</param>
/// <param name="ProcessorSeconds">Of all runs so far.</param>
/// <param name="Taken">Steps that each weight has taken.</param>
/// <param name="Experts">Episodes of the expert.</param>
/// <param name="Students">Episodes of the student.</param>
/// <param name="Points">The curve.</param>
internal sealed record TrainingState(
    TrainingRecipe Recipe, string From, string FromFingerprint, bool FromScratch, int Step, double ProcessorSeconds, IReadOnlyDictionary<string, int> Taken,
    IReadOnlyList<TrainingEpisode> Experts, IReadOnlyList<TrainingEpisode> Students, IReadOnlyList<LearningPoint> Points)
{
    /// <summary>Name of the file in a training's folder.</summary>
    public const string FileName = "state.safetensors";

    /// <summary>What files of a training say of themselves, as PyTorch's do.</summary>
    public static readonly IReadOnlyDictionary<string, string> Metadata = new Dictionary<string, string> { ["format"] = "pt" };

    private const string Head = "training.json", Weight = "weight/", Mean = "mean/", Square = "square/";

    /// <summary>Writes the state with weights and moments.</summary>
    public void Write(string path, IReadOnlyDictionary<string, Tensor> leaves, AdamW optimiser)
    {
        using var scope = NewDisposeScope();
        var bytes = JsonSerializer.SerializeToUtf8Bytes(this, TrainingJsonContext.Default.TrainingState);
        var tensors = new Dictionary<string, Tensor> { [Head] = tensor(bytes) };
        foreach (var (name, leaf) in leaves)
        {
            tensors[Weight + name] = leaf.detach();
        }

        foreach (var (name, (mean, square)) in optimiser.Moments)
        {
            (tensors[Mean + name], tensors[Square + name]) = (mean, square);
        }

        SafetensorsFile.Save(path, tensors, Metadata);
    }

    /// <summary>Reads a state and puts weights and moments in their places.</summary>
    /// <exception cref="VitrineException">The file is damaged, or a tensor of it does not fit.</exception>
    public static TrainingState Read(string path, IReadOnlyDictionary<string, Tensor> leaves, AdamW optimiser)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var file = Checkpoint.OpenFile(path);
        var state = Parse(path, file.Read(Head).data<byte>().ToArray());
        foreach (var (name, leaf) in leaves)
        {
            leaf.copy_(file.Read(Weight + name, leaf.shape));
            if (file.Contains(Mean + name))
            {
                optimiser.Moments[name] = (
                    file.Read(Mean + name, leaf.shape).clone().DetachFromDisposeScope(), file.Read(Square + name, leaf.shape).clone().DetachFromDisposeScope());
                optimiser.Taken[name] = state.Taken.GetValueOrDefault(name);
            }
        }

        return state;
    }

    /// <summary>What the file says, without its tensors.</summary>
    /// <exception cref="VitrineException">The file is damaged.</exception>
    public static TrainingState Peek(string path)
    {
        using var scope = NewDisposeScope();
        using var file = Checkpoint.OpenFile(path);
        return Parse(path, file.Read(Head).data<byte>().ToArray());
    }

    private static TrainingState Parse(string path, byte[] json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, TrainingJsonContext.Default.TrainingState)
                ?? throw new VitrineException($"{path}: the training's state is null.");
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{path}: is no state of a training of this version ({e.Message}).", e);
        }
    }
}

/// <summary>The records of trainings as JSON without reflection.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(TrainingState))]
[JsonSerializable(typeof(LearningCurve))]
[JsonSerializable(typeof(TrainingRecipe))]
internal sealed partial class TrainingJsonContext : JsonSerializerContext;
