using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Policies.LeRobot;

/// <summary>Statistics of a data set by feature, e.g. the mean of <c>observation.state</c>.</summary>
internal sealed class FeatureStatistics
{
    private readonly Func<string, string, float[]?> find;

    private FeatureStatistics(string source, Func<string, string, float[]?> find) => (Source, this.find) = (source, find);

    /// <summary>What to call them in errors.</summary>
    public string Source { get; }

    /// <summary>The state file of a processor step: keys <c>FEATURE.STATISTIC</c>, split at the last dot.</summary>
    /// <exception cref="VitrineException">The file is missing or broken.</exception>
    public static FeatureStatistics OfFile(string path)
    {
        using var file = SafetensorsFile.Open(path);
        var all = file.Tensors.Keys.ToDictionary(k => k, k => Numbers(file.Read(k)), StringComparer.Ordinal);
        return new FeatureStatistics(path, (feature, statistic) => all.GetValueOrDefault($"{feature}.{statistic}"));
    }

    /// <summary>
    /// Buffers inside the weights, as checkpoints had them before there were processors: <c>normalize_inputs.buffer_observation_state.mean</c>.
    /// </summary>
    /// <remarks>
    /// Buffers spell the dots of a feature as underscores, so that the feature's own name finds them and no name has to be put together again. An infinite
    /// number was never set (lerobot, normalize.py of its versions up to 0.3).
    /// </remarks>
    public static FeatureStatistics OfWeights(Checkpoint checkpoint, string source, string module) => new(source, (feature, statistic) =>
    {
        var name = $"{module}.buffer_{feature.Replace('.', '_')}.{statistic}";
        return checkpoint.Contains(name) ? Numbers(checkpoint.Read(name)) : null;
    });

    /// <summary>Statistics of a file that names its features otherwise, by feature and statistic.</summary>
    public static FeatureStatistics Of(string source, Func<string, string, float[]?> find) => new(source, find);

    /// <summary>One statistic of one feature; null where there is none.</summary>
    public float[]? Find(string feature, string statistic) => find(feature, statistic);

    private static float[] Numbers(Tensor tensor)
    {
        using (tensor)
        {
            using var plain = tensor.to(float32).contiguous();
            return plain.data<float>().ToArray();
        }
    }
}
