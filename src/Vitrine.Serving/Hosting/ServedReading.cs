using Vitrine.Transformers;
using Vitrine.Worlds.Monitors;

namespace Vitrine.Serving.Hosting;

/// <summary>What is read of a served policy in every act. Reading changes no bit of an answer.</summary>
public sealed record ServedReading
{
    /// <summary>Neurons for those who watch; none when null.</summary>
    public NeuronSet? Watched { get; init; }

    /// <summary>Whose alarms reach the answer, the watchers and the record.</summary>
    public IReadOnlyList<ActivationMonitor> Monitors { get; init; } = [];

    /// <summary>Keeps every session; nobody when null. Disposed with the policy.</summary>
    public SessionRecorder? Recorder { get; init; }

    /// <summary>What a run must capture.</summary>
    internal RunPlan Capture => RunPlan.Capturing(
    [
        .. new[] { Watched is null ? [] : Watched.Layers.Select(Place), Monitors.SelectMany(m => m.Points), Recorder?.Points ?? [] }.SelectMany(p => p)
            .Distinct(),
    ]);

    /// <summary>Where the watched neurons of a layer are read.</summary>
    internal string Place(int layer) => $"{Watched!.Stack}.{layer}.mlp.neurons";
}
