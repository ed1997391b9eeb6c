using static TorchSharp.torch;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>Steering directions by layer in llama.cpp's control vector format (<c>llama-cli --control-vector</c>, repeng).</summary>
/// <remarks>
/// The tensor <c>direction.N</c> is added to the output of block N, counted from 0; N is at least 1, block 0 cannot be expressed. All directions are float32 of
/// one width. In this project's points it is an addition at <c>language.N.resid_post</c>.
/// </remarks>
/// <param name="ModelHint">Architecture of the model that they are for; may be empty.</param>
/// <param name="Directions">By layer, 1 or more.</param>
public sealed record ControlVector(string ModelHint, IReadOnlyDictionary<int, float[]> Directions)
{
    private const string Architecture = "controlvector", Prefix = "direction.";

    /// <summary>Reads a file.</summary>
    /// <exception cref="VitrineException">It is no control vector, or a direction is not as the format asks.</exception>
    public static ControlVector Read(string path)
    {
        using var file = GgufFile.Open(path);
        if (file.Architecture is var found && found != Architecture)
        {
            throw new VitrineException($"{path}: is a GGUF file of the architecture '{found}'; a control vector's is '{Architecture}'.");
        }

        var directions = new SortedDictionary<int, float[]>();
        foreach (var tensor in file.Tensors.Values)
        {
            if (!tensor.Name.StartsWith(Prefix, StringComparison.Ordinal)
                || !int.TryParse(tensor.Name.AsSpan(Prefix.Length), System.Globalization.NumberStyles.None, null, out var layer) || layer < 1)
            {
                throw new VitrineException($"{path}: tensor '{tensor.Name}' is no direction; expected {Prefix}N with N of 1 or more.");
            }

            if (tensor.Type != GgufType.F32 || tensor.Shape.Count != 1 || tensor.Shape[0] == 0)
            {
                throw new VitrineException($"{path}: tensor '{tensor.Name}' is {tensor.Type} [{string.Join(", ", tensor.Shape)}]; expected F32 with one axis.");
            }

            using var values = file.Read(tensor.Name);
            if (!directions.TryAdd(layer, values.data<float>().ToArray()))
            {
                throw new VitrineException($"{path}: has two directions for layer {layer}.");
            }
        }

        return new ControlVector(file.Metadata.Text("controlvector.model_hint", ""), directions).Checked(path);
    }

    /// <summary>Writes a file that llama.cpp reads.</summary>
    /// <exception cref="VitrineException">A direction is not as the format asks, or the folder cannot be written.</exception>
    public void Write(string path)
    {
        Checked(path);
        var layers = Directions.Keys.Order().ToArray();
        var tensors = layers.Select(l => ($"{Prefix}{l}", tensor(Directions[l]))).ToList();
        try
        {
            GgufWriter.Write(path,
                [("general.architecture", Architecture), ("controlvector.model_hint", ModelHint), ("controlvector.layer_count", (uint)layers.Length)], tensors);
        }
        finally
        {
            tensors.ForEach(t => t.Item2.Dispose());
        }
    }

    private ControlVector Checked(string path)
    {
        if (Directions.Count == 0)
        {
            throw new VitrineException($"{path}: a control vector has at least one direction.");
        }

        var width = Directions.Values.First().Length;
        foreach (var (layer, direction) in Directions)
        {
            if (layer < 1)
            {
                throw new VitrineException($"{path}: a control vector cannot name layer {layer}; layers begin at 1.");
            }

            if (direction.Length != width || width == 0)
            {
                throw new VitrineException(
                    $"{path}: the direction of layer {layer} has {direction.Length} numbers, another has {width}; all are of one width.");
            }
        }

        return this;
    }
}
