using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>A base model against a tuned one, value vector by value vector.</summary>
/// <param name="BaseFingerprint">Of the base.</param>
/// <param name="TunedFingerprint">Of the tuned model.</param>
/// <param name="Layers">The profile.</param>
/// <param name="Neurons">Every neuron, by layer and index.</param>
/// <param name="Tokens">Every token that was read in, by id; none where vectors alone were compared.</param>
/// <remarks>
/// An action writer is a neuron with at least 4 action tokens among its top tokens (the pattern rule of Haon et al. 2025 with action tokens as the concept).
/// Z of a token: (d - mean d) / sd d, where d is the change of its count; the paper reports extremes of such z-scores without a formula, this is
/// the plain reading.
/// </remarks>
public sealed record NeuronDiff(
    string BaseFingerprint, string TunedFingerprint, IReadOnlyList<LayerChange> Layers, IReadOnlyList<NeuronChange> Neurons, IReadOnlyList<TokenChange> Tokens)
{
    /// <summary>Action tokens that make a writer.</summary>
    public const int Enough = 4;

    /// <summary>Neurons that became action writers, those that gained most action tokens first.</summary>
    public IEnumerable<NeuronChange> NewWriters
        => Neurons.Where(n => n.BecameWriter).OrderByDescending(n => n.TunedActions - n.BaseActions).ThenBy(n => n.Neuron);

    /// <summary>Compares two models whose value vectors speak one vocabulary.</summary>
    /// <param name="before">The base.</param>
    /// <param name="after">The tuned model, of the same sizes.</param>
    /// <param name="isAction">Whether an id encodes an action; null where none does.</param>
    /// <param name="settings">How both are read. Tokens that one of the two vocabularies lacks are left out.</param>
    /// <param name="seed">Of the controls.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between tiles.</param>
    /// <exception cref="VitrineException">The sizes differ, or one has no vocabulary.</exception>
    public static NeuronDiff Of(
        IValueVectorSource before, IValueVectorSource after, Func<int, bool>? isAction, ProjectionSettings? settings = null, int seed = 0,
        IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        settings ??= new();
        RequireAlike(before, after);
        var haveWords = before.Vocabulary > 0 && after.Vocabulary > 0 && (settings.Tokens is not null || before.Vocabulary == after.Vocabulary);
        if (before.Layers != after.Layers || !haveWords)
        {
            throw Different(before, after);
        }

        var random = new Random(seed);
        using var words = new VocabularyDiff(before, after, isAction, settings, random);
        return Compare(before, after, words, random, progress, cancellation);
    }

    /// <summary>Compares vectors alone, as of two image towers, in the layers that both have: a policy may run fewer blocks than the encoder has.</summary>
    /// <param name="before">The base.</param>
    /// <param name="after">The tuned model, with as many neurons of the same width.</param>
    /// <param name="seed">Of the control.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between layers.</param>
    /// <exception cref="VitrineException">The sizes of a layer differ.</exception>
    public static NeuronDiff OfVectors(
        IValueVectorSource before, IValueVectorSource after, int seed = 0, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        RequireAlike(before, after);
        return Compare(before, after, words: null, new Random(seed), progress, cancellation);
    }

    /// <summary>The neurons whose vectors changed most, relative to their norm; those that did not change are left out.</summary>
    public IReadOnlyList<NeuronChange> MostChanged(int count)
        => [.. Neurons.Where(n => n.Change > 0).OrderByDescending(n => n.Change).ThenBy(n => n.Neuron).Take(count)];

    private static NeuronDiff Compare(
        IValueVectorSource before, IValueVectorSource after, VocabularyDiff? words, Random random, IProgress<double>? progress, CancellationToken cancellation)
    {
        using var mode = no_grad();
        var (layers, neurons) = (new List<LayerChange>(), new List<NeuronChange>());
        var count = Math.Min(before.Layers, after.Layers);
        for (var layer = 0; layer < count; layer++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (old, now) = (before.Vectors(layer).to(float32), after.Vectors(layer).to(float32));
            var actions = words?.Read(old, now, share => progress?.Report((layer + share) / count), cancellation);
            var (cosine, change) = (Cosines(old, now), Numbers((now - old).norm(1) / old.norm(1).clamp_min(1e-30f)));
            var partner = Enumerable.Range(0, after.Neurons).Select(i => (long)i).ToArray();
            random.Shuffle(partner);
            NeuronChange[] here =
            [
                .. Enumerable.Range(0, after.Neurons)
                    .Select(i => new NeuronChange(new Neuron(layer, i), cosine[i], change[i], actions?.Base[i], actions?.Tuned[i])),
            ];
            neurons.AddRange(here);
            layers.Add(new LayerChange(
                layer, cosine.Average(), Cosines(old, now.index_select(0, tensor(partner))).Average(), change.Average(),
                actions?.BaseShare, actions?.TunedShare, actions?.ShuffledShare,
                actions is null ? null : here.Count(n => n.BecameWriter), actions is null ? null : here.Count(n => n.CeasedToWrite)));
            progress?.Report((layer + 1.0) / count);
        }

        return new NeuronDiff(before.Fingerprint, after.Fingerprint, layers, neurons, words?.Tokens() ?? []);
    }

    private static void RequireAlike(IValueVectorSource before, IValueVectorSource after)
    {
        if ((before.Neurons, before.Width) != (after.Neurons, after.Width))
        {
            throw Different(before, after);
        }
    }

    private static VitrineException Different(IValueVectorSource before, IValueVectorSource after)
    {
        return new VitrineException($"{after.Name}: {Sizes(after)}; {before.Name}: {Sizes(before)}. Is it a tuned copy of that model?");

        static string Sizes(IValueVectorSource of) => $"{of.Layers} layers of {of.Neurons} neurons of width {of.Width}, {of.Vocabulary} tokens";
    }

    private static double[] Cosines(Tensor a, Tensor b) => Numbers((a * b).sum(1) / (a.norm(1) * b.norm(1)).clamp_min(1e-30f));

    private static double[] Numbers(Tensor of) => [.. of.to(float64).contiguous().data<double>()];
}
