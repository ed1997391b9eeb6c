using System.Text.Json.Nodes;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>What a GGUF file says about scaled rotary positions, as <c>rope_scaling</c> of a config.json.</summary>
internal static class RotaryScaling
{
    /// <returns>Null where positions are plain.</returns>
    public static JsonObject? Of(GgufFile file, ArchitectureKeys keys, long headWidth, double theta)
    {
        var kind = keys.Text("rope.scaling.type", "none");
        var factor = keys.Number("rope.scaling.factor", keys.Number("rope.scale_linear", 1));
        var original = keys.Number("rope.scaling.original_context_length", 0);
        if (file.Tensors.ContainsKey(GgufConfig.RotaryFactors))
        {
            return kind == "none"
                ? Llama3(file, headWidth, theta)
                : throw new VitrineException($"{file.Path}: has both {GgufConfig.RotaryFactors} and {keys.Architecture}.rope.scaling.type '{kind}'.");
        }

        return kind switch
        {
            "none" when factor == 1 => null,
            "none" or "linear" => new JsonObject { ["rope_type"] = "linear", ["factor"] = factor },
            "yarn" => new JsonObject { ["rope_type"] = "yarn", ["factor"] = factor, ["original_max_position_embeddings"] = (long)original },
            _ => throw new VitrineException($"{file.Path}: {keys.Architecture}.rope.scaling.type is '{kind}'; known are none, linear, yarn."),
        };
    }

    /// <remarks>
    /// llama.cpp stores the divisors and not the four numbers that they came from. All released Llama 3.1, 3.2 and 3.3 models have low 1, high 4 and an
    /// original length of 8192; the divisors must follow from these and from
    /// their own largest, the factor: 1 for short wavelengths (below length / high), factor for long ones (above length / low), a blend between (transformers,
    /// modeling_rope_utils.py).
    /// </remarks>
    private static JsonObject Llama3(GgufFile file, long headWidth, double theta)
    {
        const double Low = 1, High = 4, Length = 8192;
        using var tensor = file.Read(GgufConfig.RotaryFactors);
        var found = tensor.dtype == TorchSharp.torch.ScalarType.Float32 && tensor.shape is [var count] && count == headWidth / 2
            ? tensor.data<float>().ToArray()
            : throw new VitrineException(
                $"{file.Path}: {GgufConfig.RotaryFactors} is {tensor.dtype} [{string.Join(", ", tensor.shape)}]; expected Float32 [{headWidth / 2}].");
        double factor = found.Max();
        for (var i = 0; i < found.Length; i++)
        {
            var wavelength = 2 * Math.PI * Math.Pow(theta, 2.0 * i / headWidth);
            var blend = Math.Clamp(((Length / wavelength) - Low) / (High - Low), 0, 1);
            var expected = 1 / (((1 - blend) / factor) + blend);
            if (!(Math.Abs(found[i] - expected) <= 1e-4 * expected))
            {
                throw new VitrineException($"{file.Path}: {GgufConfig.RotaryFactors} divides frequency {i} by {found[i]}; Llama 3's rule with factor "
                    + $"{factor}, low 1, high 4 and length 8192 gives {expected}. Its rotary scaling is not known.");
            }
        }

        return new JsonObject
        {
            ["rope_type"] = "llama3",
            ["factor"] = factor,
            ["low_freq_factor"] = Low,
            ["high_freq_factor"] = High,
            ["original_max_position_embeddings"] = (long)Length,
        };
    }
}
