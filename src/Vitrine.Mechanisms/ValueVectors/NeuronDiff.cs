using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>What fine-tuning did to one neuron's value vector.</summary>
/// <param name="Neuron">Which one.</param>
/// <param name="Cosine">Between the base's and the tuned value vector.</param>
/// <param name="Change">Norm of the difference, relative to the base's norm.</param>
/// <param name="BaseActions">Action tokens among the base's top tokens.</param>
/// <param name="TunedActions">Action tokens among the tuned one's top tokens.</param>
public sealed record NeuronChange(Neuron Neuron, double Cosine, double Change, int BaseActions, int TunedActions);

/// <summary>One layer of the comparison; shares are 0 to 1.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Cosine">Mean cosine of a neuron with itself.</param>
/// <param name="CosineOfRandomPairs">The same for random pairs of neurons of the layer: the control.</param>
/// <param name="Change">Mean relative norm of the change.</param>
/// <param name="BaseActions">Action tokens among the base's top tokens.</param>
/// <param name="TunedActions">The same of the tuned model.</param>
/// <param name="ShuffledActions">The same of the tuned model when as many random tokens play the action tokens: the control.</param>
/// <param name="NewWriters">Neurons that became action writers.</param>
/// <param name="LostWriters">Neurons that ceased to be.</param>
public sealed record LayerChange(
    int Layer, double Cosine, double CosineOfRandomPairs, double Change, double BaseActions, double TunedActions, double ShuffledActions, int NewWriters, int LostWriters);

/// <summary>How often a token stands among the top tokens of neurons.</summary>
/// <param name="Id">The token.</param>
/// <param name="Base">Neurons of the base that have it.</param>
/// <param name="Tuned">Neurons of the tuned model that have it.</param>
/// <param name="Z">The change of the count, in deviations over all tokens.</param>
public sealed record TokenChange(int Id, int Base, int Tuned, double Z);

/// <summary>A base model against a tuned one, value vector by value vector.</summary>
/// <param name="BaseFingerprint">Of the base.</param>
/// <param name="TunedFingerprint">Of the tuned model.</param>
/// <param name="Layers">The profile.</param>
/// <param name="Neurons">Every neuron, by layer and index.</param>
/// <param name="Tokens">Every token that was read in, by id.</param>
/// <remarks>
/// An action writer is a neuron with at least 4 action tokens among its top tokens (the pattern rule of Haon et al. 2025 with action tokens as the concept).
/// Z of a token: (d - mean d) / sd d, where d is the change of its count; the paper reports extremes of such z-scores without a formula, this is the plain reading.
/// </remarks>
public sealed record NeuronDiff(
    string BaseFingerprint, string TunedFingerprint, IReadOnlyList<LayerChange> Layers, IReadOnlyList<NeuronChange> Neurons, IReadOnlyList<TokenChange> Tokens)
{
    /// <summary>Action tokens that make a writer.</summary>
    public const int Enough = 4;

    /// <summary>Neurons that became action writers, those that gained most action tokens first.</summary>
    public IEnumerable<NeuronChange> NewWriters => Neurons.Where(n => n.BaseActions < Enough && n.TunedActions >= Enough).OrderByDescending(n => n.TunedActions - n.BaseActions).ThenBy(n => n.Neuron);

    /// <summary>Compares two models.</summary>
    /// <param name="before">The base.</param>
    /// <param name="after">The tuned model, of the same sizes.</param>
    /// <param name="isAction">Whether an id encodes an action.</param>
    /// <param name="settings">How both are read.</param>
    /// <param name="seed">Of the controls.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between tiles.</param>
    /// <exception cref="VitrineException">The sizes differ.</exception>
    public static NeuronDiff Of(
        IValueVectorSource before, IValueVectorSource after, Func<int, bool> isAction, ProjectionSettings? settings = null, int seed = 0, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        ArgumentNullException.ThrowIfNull(isAction);
        settings ??= new();
        if ((before.Layers, before.Neurons, before.Vocabulary) != (after.Layers, after.Neurons, after.Vocabulary))
        {
            throw new VitrineException(
                $"{after.Name}: {after.Layers} layers of {after.Neurons} neurons and {after.Vocabulary} tokens; {before.Name} has {before.Layers}, {before.Neurons} and {before.Vocabulary}. Is it a tuned copy of that model?");
        }

        int[] ids = [.. settings.Tokens ?? [.. Enumerable.Range(0, after.Vocabulary)]];
        var random = new Random(seed);
        var shuffled = Standins(ids, isAction, random);
        using var readerBefore = VocabularyReader.Open(before, settings);
        using var readerAfter = VocabularyReader.Open(after, settings);
        var (layers, neurons) = (new List<LayerChange>(), new List<NeuronChange>());
        var (countBefore, countAfter) = (new int[after.Vocabulary], new int[after.Vocabulary]);
        for (var layer = 0; layer < after.Layers; layer++)
        {
            using var scope = NewDisposeScope();
            var (old, now) = (before.Vectors(layer).to(float32), after.Vectors(layer).to(float32));
            var (oldRead, nowRead) = (readerBefore.Read(old, Told(2 * layer), cancellation), readerAfter.Read(now, Told((2 * layer) + 1), cancellation));
            Count(oldRead, countBefore);
            Count(nowRead, countAfter);
            var (cosine, change) = (Cosines(old, now), Numbers((now - old).norm(1) / old.norm(1).clamp_min(1e-30f)));
            var partner = Enumerable.Range(0, after.Neurons).Select(i => (long)i).ToArray();
            random.Shuffle(partner);
            NeuronChange[] here = [.. Enumerable.Range(0, after.Neurons).Select(i => new NeuronChange(
                new Neuron(layer, i), cosine[i], change[i], oldRead[i].TopIds.Count(isAction), nowRead[i].TopIds.Count(isAction)))];
            neurons.AddRange(here);
            layers.Add(new LayerChange(
                layer, cosine.Average(), Cosines(old, now.index_select(0, tensor(partner))).Average(), change.Average(),
                oldRead.Average(n => Share(n, isAction)), nowRead.Average(n => Share(n, isAction)), nowRead.Average(n => Share(n, shuffled.Contains)),
                here.Count(n => n.BaseActions < Enough && n.TunedActions >= Enough), here.Count(n => n.BaseActions >= Enough && n.TunedActions < Enough)));
        }

        return new NeuronDiff(before.Fingerprint, after.Fingerprint, layers, neurons, Tokened(ids, countBefore, countAfter));

        Action<double> Told(int half) => share => progress?.Report((half + share) / (2 * after.Layers));
    }

    private static TokenChange[] Tokened(int[] ids, int[] before, int[] after)
    {
        var changes = Array.ConvertAll(ids, id => (double)after[id] - before[id]);
        var mean = changes.Average();
        var deviation = Math.Sqrt(changes.Average(c => (c - mean) * (c - mean)));
        return [.. ids.Select((id, i) => new TokenChange(id, before[id], after[id], deviation == 0 ? 0 : (changes[i] - mean) / deviation)).OrderBy(t => t.Id)];
    }

    /// <remarks>As many tokens as there are action tokens, drawn from all.</remarks>
    private static HashSet<int> Standins(int[] ids, Func<int, bool> isAction, Random random)
    {
        int[] all = [.. ids];
        random.Shuffle(all);
        return [.. all.Take(ids.Count(isAction))];
    }

    private static void Count(IReadOnlyList<NeuronReading> readings, int[] counts)
    {
        foreach (var id in readings.SelectMany(n => n.TopIds))
        {
            counts[id]++;
        }
    }

    private static double Share(NeuronReading neuron, Func<int, bool> holds) => (double)neuron.TopIds.Count(holds) / neuron.TopIds.Count;

    private static double[] Cosines(Tensor a, Tensor b) => Numbers((a * b).sum(1) / (a.norm(1) * b.norm(1)).clamp_min(1e-30f));

    private static double[] Numbers(Tensor of) => [.. of.to(float64).contiguous().data<double>()];
}
