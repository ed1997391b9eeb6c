using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

/// <summary>The stored inputs and results of the steering reference.</summary>
internal sealed class TabletopTruth : IDisposable
{
    private readonly SafetensorsFile tensors = SafetensorsFile.Open(Fixtures.Of("tabletop", "steering", "inputs.safetensors"));
    private readonly JsonElement inputs = Json("inputs.json");

    public static JsonElement Json(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Of("tabletop", "steering", file)));
        return document.RootElement.Clone();
    }

    public Tensor Tensor(string name) => tensors.Read(name);

    /// <summary>Pictures and instructions of a set such as <c>speed_test</c>.</summary>
    public Observation[] States(string set)
    {
        using var images = tensors.Read($"{set}.image");
        var (side, bytes) = ((int)images.shape[1], images.data<byte>().ToArray());
        var instructions = inputs.GetProperty("sets").GetProperty(set).GetProperty("instructions").EnumerateArray().Select(i => i.GetString()!);
        return [.. instructions.Select((text, i) => new Observation(new Picture(side, side, bytes[(i * side * side * 3)..((i + 1) * side * side * 3)]), text))];
    }

    public NeuronSet Lexical(string concept) => Set(inputs.GetProperty("lexical").GetProperty(concept));

    public NeuronSet[] Random(string key) => [.. inputs.GetProperty("random").GetProperty(key).EnumerateArray().Select(Set)];

    public void Dispose() => tensors.Dispose();

    public static NeuronSet Set(JsonElement pairs) => new(pairs.EnumerateArray().Select(p => new Neuron(p[0].GetInt32(), p[1].GetInt32())));
}
