using System.Collections.Concurrent;
using Vitrine.Mechanisms.Concepts;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Experts;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Studio.Models;

/// <summary>A model of the studio: found at once, opened when somebody first looks into it, shared by all windows.</summary>
/// <remarks>Weights are read-only and runs may go side by side; what is measured once for a model is kept here.</remarks>
internal sealed class OpenModel : IDisposable
{
    /// <summary>In bytes: from this size on weights stay mapped as their file has them, so that a map is drawn before they are read.</summary>
    private const long Large = 1L << 30;

    private readonly Lazy<Model> model;
    private readonly ConcurrentDictionary<string, Lazy<object>> kept = new();

    /// <param name="name">As a user wrote it.</param>
    /// <exception cref="VitrineException">There is no such model, or none of a known family.</exception>
    public OpenModel(string name)
    {
        Name = name;
        Source = Policy.Catalog.Find(name);
        model = new Lazy<Model>(Opened);
    }

    /// <summary>As a user wrote it.</summary>
    public string Name { get; }

    /// <summary>Where it lies, and which family it is of.</summary>
    public ModelSource Source { get; }

    /// <summary>What it is for.</summary>
    public ModelKind Kind => Source.Family.Kind;

    /// <summary>The model; opened at the first call.</summary>
    /// <exception cref="VitrineException">A file is missing or broken.</exception>
    public Model Model => model.Value;

    /// <summary>Its stacks that have blocks.</summary>
    public IReadOnlyList<StackShape> Stacks => [.. Model.Stacks.Where(s => s.Layers > 0)];

    /// <summary>Whether its weights stay mapped and a pass takes so long that pages run one only when they are asked to.</summary>
    public bool IsLarge => Bytes() > Large;

    /// <summary>What it is for, in words.</summary>
    public string Role => Kind switch
    {
        ModelKind.Policy => "robot policy",
        ModelKind.Image => "image encoder",
        _ => "text model",
    };

    /// <summary>Its tokens as people read them.</summary>
    /// <exception cref="VitrineException">It has no vocabulary.</exception>
    public TokenReader Tokens => Kept("tokens", () => TokenReader.Of(Model));

    /// <summary>The unembedding, prepared once for single neurons: 10 tokens at each end.</summary>
    /// <exception cref="VitrineException">It has no vocabulary.</exception>
    public VocabularyReader Vocabulary => Kept("vocabulary", () => VocabularyReader.Open(
        new StackValueVectors(Model, Tokens.Language.Shape.Name),
        new ProjectionSettings { Count = 10, Tokens = Tokens.Valid, Screening = Screening.Never }));

    /// <summary>Every value vector read by the rule of word lists.</summary>
    /// <exception cref="VitrineException">It has no vocabulary.</exception>
    public LexicalPatterns Patterns => Kept("patterns", () => LexicalPatterns.Read(Model, Words));

    /// <summary>Every neuron of a flow policy's expert in the space of actions.</summary>
    public ExpertReading Expert => Kept("expert", () => ExpertReading.Of((FlowPolicy)Model, Calibration(((FlowPolicy)Model).Expert.Shape.Name)));

    /// <summary>The word lists of the world that it was trained in; none of a model of another vocabulary.</summary>
    public IReadOnlyList<WordList> Words => TabletopVocabulary.Concepts;

    /// <summary>How strongly neurons fire by themselves over 96 states of the tabletop.</summary>
    /// <param name="stack">Of which stack.</param>
    public Calibration Calibration(string stack) => Kept($"calibration {stack}", () => Mechanisms.Doses.Calibration.Measure(
        (Policy)Model, TabletopStates.ForCalibration(1, 96), stackName: stack));

    /// <summary>What neurons of a text model do by themselves over a text.</summary>
    /// <param name="reader">The model.</param>
    /// <param name="text">Of two tokens or more.</param>
    public Calibration Calibration(TextModel reader, string text)
        => Kept($"calibration of '{text}'", () => Mechanisms.Doses.Calibration.Measure(reader, [text]));

    /// <summary>What is computed once for the model.</summary>
    public T Kept<T>(string key, Func<T> make)
        where T : class
    {
        var made = kept.GetOrAdd(key, _ => new Lazy<object>(() => make()));
        try
        {
            return (T)made.Value;
        }
        catch
        {
            kept.TryRemove(key, out _);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var value in kept.Values.Where(v => v.IsValueCreated).Select(v => v.Value).OfType<IDisposable>())
        {
            value.Dispose();
        }

        if (model.IsValueCreated)
        {
            model.Value.Dispose();
        }
    }

    private Model Opened() => ModelCatalog.Open(Source, IsLarge ? StackValueVectors.Mapped() : null);

    private long Bytes()
    {
        var place = Source.Location.Weights;
        return File.Exists(place)
            ? new FileInfo(place).Length
            : new DirectoryInfo(place).EnumerateFiles().Where(f => f.Extension is ".safetensors" or ".bin" or ".pt").Sum(f => f.Length);
    }
}
