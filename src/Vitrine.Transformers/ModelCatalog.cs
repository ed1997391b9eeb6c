using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Transformers.Families;

namespace Vitrine.Transformers;

/// <summary>What a model is opened for.</summary>
public enum ModelKind
{
    /// <summary>Reads and writes text.</summary>
    Text,

    /// <summary>Sees pictures.</summary>
    Image,

    /// <summary>Drives a robot.</summary>
    Policy,
}

/// <summary>A family of models.</summary>
/// <param name="Name">The <c>model_type</c> of config.json.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Open">From a model's files to the model.</param>
public sealed record ModelFamily(string Name, ModelKind Kind, Func<ModelSource, ModelOptions, Model> Open)
{
    /// <summary>Other names that are read alike.</summary>
    public IReadOnlyList<string> Alike { get; init; } = [];

    /// <summary>
    /// Tells a folder of the family by more than the name in its configuration: a fine-tune that says what its base model says, a file that names no type. Null
    /// where the name decides.
    /// </summary>
    public Func<ModelLocation, ConfigReader, bool>? Recognises { get; init; }
    /// <summary>Whether its models read pictures beside texts.</summary>
    public bool Sees { get; init; }
}

/// <summary>A model that was found and is not opened yet.</summary>
/// <param name="Location">Where it lies.</param>
/// <param name="Config">The keys of its configuration.</param>
/// <param name="Family">Which its configuration names.</param>
public sealed record ModelSource(ModelLocation Location, ConfigReader Config, ModelFamily Family)
{
    /// <summary>Its weights, to be handed to the model.</summary>
    /// <param name="options">How it is opened.</param>
    /// <exception cref="VitrineException">There are none, or a file is broken.</exception>
    public WeightReader Weights(ModelOptions options) => Weights(options, outlines: false);

    /// <param name="options">How the model is opened.</param>
    /// <param name="outlines">Whether every part of it does with outlines, where they are asked for.</param>
    internal WeightReader Weights(ModelOptions options, bool outlines)
    {
        ArgumentNullException.ThrowIfNull(options);
        var checkpoint = Checkpoint.Open(Location.Weights, Location.AdapterFolder);
        foreach (var note in Location.Notes.Concat(checkpoint.Notes))
        {
            options.Told?.Invoke(note);
        }

        return new WeightReader(checkpoint, Config.Source, options) { GivesOutlines = outlines && options.Outline };
    }
}

/// <summary>
/// Turns what a user names into a model: a folder, a <c>.gguf</c> file, ORG/NAME in the local Hugging Face cache, a model that comes along. Nothing else looks
/// at <c>model_type</c>.
/// </summary>
/// <remarks>A catalogue is a value: <see cref="With(ModelFamily[])"/> is another one. Nothing is downloaded.</remarks>
public sealed class ModelCatalog
{
    private const string Scheme = "embedded:";

    /// <summary>Where transformers writes a model's family, and where LeRobot writes a policy's.</summary>
    private const string TypeKey = "model_type", PolicyKey = "type";

    private static int hasOpened;
    private readonly IReadOnlyDictionary<string, string> embedded;

    private ModelCatalog(IReadOnlyList<ModelFamily> families, IReadOnlyDictionary<string, string> embedded) => (Families, this.embedded) = (families, embedded);

    /// <summary>The text models and image encoders of this version.</summary>
    public static ModelCatalog TextAndImage { get; } = new(
        [.. TextFamily.All.Select(f => f.Described), .. VisionLanguageFamily.Described, .. VisionFamily.Described], new Dictionary<string, string>());

    /// <summary>Every family that it opens.</summary>
    public IReadOnlyList<ModelFamily> Families { get; }

    /// <summary>Names of the models that come along, e.g. <c>embedded:tabletop</c>.</summary>
    public IReadOnlyList<string> Embedded => [.. embedded.Keys.Order(StringComparer.Ordinal)];

    /// <summary>A catalogue that knows further families.</summary>
    /// <exception cref="VitrineException">One is known already.</exception>
    public ModelCatalog With(params ModelFamily[] families)
    {
        ArgumentNullException.ThrowIfNull(families);
        var repeated = Families.Concat(families).SelectMany(Names).GroupBy(n => n).FirstOrDefault(g => g.Count() > 1)?.Key;
        return repeated is null
            ? new ModelCatalog([.. Families, .. families], embedded)
            : throw new VitrineException($"catalogue: the family '{repeated}' is there already.");
    }

    /// <summary>A catalogue that knows the folders inside a folder as models that come along.</summary>
    public ModelCatalog WithEmbedded(string home)
        => new(Families, Directory.Exists(home) ? Directory.GetDirectories(home).ToDictionary(d => Scheme + Path.GetFileName(d)) : embedded);

    /// <summary>Opens a model of any kind.</summary>
    /// <param name="name">What the user wrote.</param>
    /// <param name="options">How; <see cref="ModelOptions.Default"/> when null.</param>
    /// <exception cref="VitrineException">
    /// There is no such model, none of a known family, or a file is missing, unknown or broken; the nearest is named.
    /// </exception>
    public Model Open(string name, ModelOptions? options = null) => Open(name, kind: null, options);

    /// <summary>The same for one kind of model; any when null. libtorch is loaded meanwhile.</summary>
    internal Model Open(string name, ModelKind? kind, ModelOptions? options)
    {
        if (options?.Outline != true)
        {
            NativeCompute.LoadAhead();
        }

        return Open(Find(name, kind, options), options);
    }

    /// <summary>Opens a model that was found.</summary>
    public static Model Open(ModelSource source, ModelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        var model = source.Family.Open(source, options ?? ModelOptions.Default);
        if (options?.Outline != true)
        {
            LoadedCode.ReleaseOnce(ref hasOpened);
        }

        return model;
    }

    /// <summary>Finds a model and the family that its configuration names.</summary>
    /// <param name="name">What the user wrote.</param>
    /// <param name="kind">What it must be for; any when null.</param>
    /// <param name="options">Where its configuration is called otherwise, or an adapter beside it is left out.</param>
    /// <exception cref="VitrineException">There is no such model, or none of a known family; the nearest is named.</exception>
    public ModelSource Find(string name, ModelKind? kind = null, ModelOptions? options = null)
    {
        var located = Locate(name);
        var location = options?.Adapter == false ? located.WithoutAdapter() : located.WithBase();
        var config = location.GgufFile is { } file
            ? OfGguf(file)
            : location.OpenConfig(options?.ConfigFile ?? "config.json");
        var recognised = Families.FirstOrDefault(f => (kind is null || f.Kind == kind) && f.Recognises?.Invoke(location, config) == true);
        return new ModelSource(location, config, recognised ?? FamilyOf(config, kind));
    }

    /// <summary>
    /// The family that a configuration names: timm's files have an architecture, those of transformers a model_type, LeRobot's policies a type.
    /// </summary>
    internal ModelFamily FamilyOf(ConfigReader config, ModelKind? kind = null)
    {
        var known = Families.Where(f => kind is null || f.Kind == kind).ToArray();
        if (config.Has("architecture") && !config.Has(TypeKey))
        {
            var architecture = config.Text("architecture");
            return architecture.StartsWith("vit_", StringComparison.Ordinal) && Array.Find(known, f => f.Name == VisionFamily.Timm.ModelType) is { } timm
                ? timm
                : throw new VitrineException($"{config.Source}: architecture is '{architecture}'; of timm this version opens vit_*.");
        }

        var key = !config.Has(TypeKey) && config.Has(PolicyKey) ? PolicyKey : TypeKey;
        if (!config.Has(key))
        {
            throw new VitrineException(
                $"{config.Source}: has neither '{TypeKey}', as transformers writes it, nor timm's 'architecture', nor '{PolicyKey}', as LeRobot writes it.");
        }

        var name = config.Text(key);
        if (key == PolicyKey && kind is ModelKind.Text or ModelKind.Image)
        {
            var expected = kind == ModelKind.Text ? "a text model" : "an image model";
            throw new VitrineException($"{config.Source}: is a policy of LeRobot, its type is '{name}'; expected {expected}.");
        }

        (known, kind) = key == PolicyKey ? ([.. known.Where(f => f.Kind == ModelKind.Policy)], ModelKind.Policy) : (known, kind);
        return Array.Find(known, f => Names(f).Contains(name))
            ?? throw Unknown(config, key, name, kind, [.. known.SelectMany(Names).Where(n => n != VisionFamily.Timm.ModelType)]);
    }

    /// <summary>The folder or file that a name means.</summary>
    /// <exception cref="VitrineException">There is none; the nearest is named.</exception>
    public ModelLocation Locate(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.StartsWith(Scheme, StringComparison.Ordinal))
        {
            return embedded.TryGetValue(name, out var folder)
                ? new ModelLocation(name, folder, null)
                : throw new VitrineException(Embedded.Count > 0
                    ? $"{name}: there is no such embedded model; the nearest is '{Nearest.Of(name, Embedded)}'."
                    : $"{name}: no embedded model is of the kind that is asked for here; they are policies ('vitrine act', 'vitrine rollout').");
        }

        if (!Path.Exists(name) && Embedded.FirstOrDefault(e => Nearest.Close(name, [e, e[Scheme.Length..]]) is not null) is { } near)
        {
            throw new VitrineException($"{name}: there is no such folder; the nearest model is '{near}'.");
        }

        return ModelLocation.Resolve(name);
    }

    private static IEnumerable<string> Names(ModelFamily family) => family.Alike.Prepend(family.Name);

    private static ConfigReader OfGguf(string path)
    {
        using var file = GgufFile.Open(path);
        return new ConfigReader(GgufConfig.ToConfigJson(file), path);
    }

    private static VitrineException Unknown(ConfigReader config, string key, string name, ModelKind? kind, string[] known)
    {
        var what = kind switch
        {
            ModelKind.Text => "text models of this version are",
            ModelKind.Image => "image models of this version are",
            ModelKind.Policy => "policies of this version are",
            _ => "this version opens",
        };
        var timm = kind is null or ModelKind.Image ? " and timm's vit_*" : "";
        var found = key == PolicyKey ? $"is a policy of LeRobot, its {key} is '{name}'" : $"{key} is '{name}'";
        return new VitrineException(
            $"{config.Source}: {found}; {what} {string.Join(", ", known)}{timm}; the nearest is '{Nearest.Of(name, known) ?? "none"}'.");
    }
}
