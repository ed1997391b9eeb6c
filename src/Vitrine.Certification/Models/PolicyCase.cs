using System.Globalization;
using System.Text.Json;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Certification.Models;

/// <summary>What the fixtures of policies say alike: observations, clamps, tensors of numbers.</summary>
internal static class PolicyCase
{
    private const string Image = "in.image.";

    /// <summary>The clamp that a case describes; none where it describes none.</summary>
    public static Edit[] Edits(JsonElement @case)
    {
        if (!@case.TryGetProperty("clamp", out var clamp))
        {
            return [];
        }

        var neurons = clamp.GetProperty("neurons").EnumerateObject()
            .SelectMany(layer => layer.Value.EnumerateArray().Select(n => new Neuron(int.Parse(layer.Name, CultureInfo.InvariantCulture), n.GetInt32())));
        var steps = clamp.TryGetProperty("steps", out var named) && named.ValueKind == JsonValueKind.Array
            ? named.EnumerateArray().Select(s => s.GetInt32()).ToArray()
            : null;
        return
        [
            new Clamp(new NeuronSet(neurons, clamp.GetProperty("stack").GetString()!), clamp.GetProperty("value").GetDouble())
            {
                Scope = new EditScope { Steps = steps },
            },
        ];
    }

    /// <summary>The pictures of a case by camera, with its state.</summary>
    /// <param name="fixture">Whose case.</param>
    /// <param name="name">Of the case.</param>
    /// <param name="instruction">In words; empty where there is none.</param>
    /// <param name="cameras">What the pictures are called that the case only counts.</param>
    public static Observation Observation(Fixture fixture, string name, string instruction, IReadOnlyList<string> cameras)
    {
        var pictures = new Dictionary<string, Picture>();
        foreach (var key in fixture.KeysOf(name).Where(k => k.StartsWith(Image, StringComparison.Ordinal)))
        {
            var camera = key[Image.Length..];
            camera = int.TryParse(camera, NumberStyles.None, CultureInfo.InvariantCulture, out var i) ? cameras[i] : camera;
            using var image = fixture.Read($"{name}/{key}");
            pictures[camera] = new Picture((int)image.shape[1], (int)image.shape[0], image.contiguous().data<byte>().ToArray());
        }

        var state = fixture.Has($"{name}/in.state_raw") ? fixture.Numbers($"{name}/in.state_raw") : [];
        return new Observation(pictures, instruction)
        {
            State = state.Length == 0 ? new Dictionary<string, StateVector>() : new Dictionary<string, StateVector> { ["state"] = new(state) },
        };
    }

    /// <summary>Points of a case: all that is no input and no output.</summary>
    public static string[] Points(Fixture fixture, string name)
        => [.. fixture.KeysOf(name).Where(k => !k.StartsWith("in.", StringComparison.Ordinal) && !k.StartsWith("out.", StringComparison.Ordinal))];

    /// <summary>A chunk against its golden.</summary>
    public static CertificateRow Chunk(Fixture fixture, string name, string point, IReadOnlyList<IReadOnlyList<double>> chunk)
    {
        using var expected = fixture.Read($"{name}/{point}");
        using var found = tensor([.. chunk.SelectMany(row => row)], [.. expected.shape[..^2], chunk.Count, chunk[0].Count]);
        return Comparison.Of(name, point, found, expected);
    }

    /// <summary>Numbers against their golden.</summary>
    public static CertificateRow Numbers(Fixture fixture, string name, string point, IEnumerable<float> numbers)
    {
        using var expected = fixture.Read($"{name}/{point}");
        using var found = tensor([.. numbers]);
        using var flat = expected.flatten();
        return Comparison.Of(name, point, found, flat);
    }
}
