using System.Globalization;
using System.Security.Cryptography;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies.Actions;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;

namespace Vitrine.Policies;

/// <summary>
/// A model that drives a robot: observations to chunks of actions. Families differ in their own folder; whoever uses a policy knows this face alone.
/// </summary>
/// <remarks>
/// A family of one's own derives from it and is named to a catalogue: <c>Policy.Catalog.With(new ModelFamily(...))</c>. Weights are read-only: acts may go side
/// by side.
/// </remarks>
public abstract class Policy : Model, IActor
{
    private static readonly string[] Companions = [".json", ".model", ".txt", ".jinja"];
    private readonly FileStamps companions;
    private readonly Lazy<string> fingerprint;

    /// <param name="source">Where it was found.</param>
    /// <param name="weights">Of its checkpoint; owned from here on.</param>
    /// <param name="stacks">Its decoders and towers.</param>
    /// <param name="shapes">Every stack and part, in the order of the pass; those of <paramref name="stacks"/> when null.</param>
    /// <param name="files">Files that the family reads besides weights, configuration and tokenizer: path to what they say; none when null.</param>
    protected Policy(
        ModelSource source, WeightReader weights, IReadOnlyList<Stack> stacks, IReadOnlyList<StackShape>? shapes = null,
        IReadOnlyDictionary<string, string>? files = null)
        : base(source.Location.Name, source.Family.Name, weights, stacks, shapes)
    {
        Folder = source.Location.Folder;
        FamilyFiles = files ?? base.FamilyFiles;
        Folders = [.. new[] { Folder, source.Location.AdapterFolder }.OfType<string>().DistinctBy(Path.GetFullPath)];
        var beside = Folders.SelectMany(Directory.EnumerateFiles).Where(IsCompanion);
        companions = FileStamps.Of(beside.Concat(FamilyFiles.Keys).DistinctBy(Path.GetFullPath).Order(StringComparer.Ordinal));
        fingerprint = new Lazy<string>(WithCompanions);
    }

    private protected Policy(Policy of)
        : base(of, of.Name, [.. of.Towers, .. of.Decoders], of.Stacks)
        => (Folder, Folders, FamilyFiles, companions, fingerprint) = (of.Folder, of.Folders, of.FamilyFiles, of.companions, of.fingerprint);

    /// <summary>Every model of this version, policies included.</summary>
    public static ModelCatalog Catalog => PolicyFamilies.Catalog;

    /// <summary>Where it lies.</summary>
    public string Folder { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> FamilyFiles { get; }

    /// <summary>The same, and that of an adapter which lies elsewhere.</summary>
    private IReadOnlyList<string> Folders { get; }

    /// <summary>Identifies the policy: a hash over all weights and over the files beside them (configuration, tokenizer, statistics).</summary>
    /// <exception cref="VitrineException">A file was written over or replaced since it was opened; it is named.</exception>
    public override string Fingerprint
    {
        get
        {
            var made = fingerprint.Value;
            RequireUnchanged();
            return made;
        }
    }

    /// <summary>
    /// The stack that reads words; its vocabulary is that of value vectors. Of a policy that reads none, the stack in which it decides, which has no
    /// vocabulary.
    /// </summary>
    public abstract Decoder Language { get; }

    /// <summary>Words to ids and back.</summary>
    /// <exception cref="VitrineException">The policy reads no words.</exception>
    public abstract Tokenizer Tokenizer { get; }

    /// <summary>The code of actions as tokens; null for a policy that gives numbers.</summary>
    public virtual ActionTokens? Actions => null;

    /// <summary>From a picture to the pixels that it reads; null where it reads none, or each tower its own.</summary>
    public virtual PictureRecipe? Recipe => null;

    /// <summary>Tokens that a picture takes in the sequence.</summary>
    public virtual int ImageTokens => Towers.Sum(t => t.Grid * t.Grid);

    /// <summary>What the numbers of an action are, in order, e.g. <c>dx</c>.</summary>
    public abstract IReadOnlyList<string> ActionNames { get; }

    /// <summary>Control steps of a chunk that are carried out before it acts again; 1 where each action is decided anew.</summary>
    public virtual int ActionSteps => 1;

    /// <summary>What it reads of an observation, and how long its chunks are.</summary>
    public virtual PolicyNeeds Needs => new() { Horizon = ActionSteps };

    /// <summary>Rows and columns of the noise that a chunk starts from; null for a policy that starts from none.</summary>
    public virtual (int Rows, int Columns)? NoiseShape => null;

    /// <summary>Data sets in whose units it can answer.</summary>
    public abstract IReadOnlyCollection<string> UnitKeys { get; }

    /// <summary>What it always acts under, besides a caller's plan; empty unless <see cref="With"/> made it.</summary>
    public virtual RunPlan Plan => RunPlan.Empty;

    /// <summary>In whose units it answers, one of <see cref="UnitKeys"/>; null where none was chosen.</summary>
    public virtual string? Units => null;

    /// <summary>Edits of <see cref="Plan"/> that none of its acts so far has touched anything with; none before the first.</summary>
    public virtual IReadOnlyList<UntouchedEdit> UntouchedEdits => [];

    /// <summary>The policy itself, where this is one under a plan (<see cref="With"/>) that changes nothing; else this.</summary>
    public virtual Policy Unplanned => this;

    /// <summary>The policy whose weights act, whatever plan it is under.</summary>
    internal virtual Policy Inner => this;

    /// <summary>Opens a policy.</summary>
    /// <param name="name">
    /// A folder, ORG/NAME in the local Hugging Face cache, <c>embedded:tabletop</c>, <c>embedded:tabletop-trained</c> or <c>embedded:tabletop-flow</c>. Nothing
    /// is downloaded.
    /// </param>
    /// <param name="options">How; a family may have further ones.</param>
    /// <param name="catalog">Which families there are; <see cref="Catalog"/> when null.</param>
    /// <exception cref="VitrineException">There is no such policy, or a file, key or tensor is missing, unknown or of another shape; it is named.</exception>
    public static Policy Open(string name, ModelOptions? options = null, ModelCatalog? catalog = null)
        => (Policy)(catalog ?? Catalog).Open(name, ModelKind.Policy, options);

    /// <inheritdoc/>
    public override void RequireUnchanged()
    {
        base.RequireUnchanged();
        companions.RequireUnchanged();
    }

    /// <summary>How many weights belong to one of its stacks.</summary>
    /// <exception cref="VitrineException">It has no such stack.</exception>
    public virtual long ParametersOfStack(string stack)
        => Decoders.Concat<Stack>(Towers).FirstOrDefault(s => s.Shape.Name == stack)?.Parameters
            ?? throw new VitrineException($"{Folder}: has no stack '{stack}', only {string.Join(", ", Stacks.Select(s => s.Name))}.");

    /// <summary>Whether what stands at a place can reach an action; not so for what nobody reads.</summary>
    public virtual bool ReachesAction(Address place) => true;

    /// <summary>Places of a plan's edits that can reach no action, in words, one line an edit: what is changed there is read by nobody.</summary>
    /// <param name="plan">Whose addresses the policy has.</param>
    public IReadOnlyList<string> DeadEdits(RunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var places = Stacks.SelectMany(s => s.Places()).ToArray();
        return
        [
            .. plan.Edits.Index().Select(e => (e.Index, Dead: e.Item.Places().Where(IsDead).ToArray())).Where(e => e.Dead.Length > 0)
                .Select(e => $"edit {e.Index} at {string.Join(", ", e.Dead)} reaches no action: nothing that decides reads what is computed there"),
        ];

        bool IsDead(string pattern)
        {
            var named = AddressPattern.Parse(pattern);
            return places.Where(p => named.MatchesPlace(p.Stack, p.Layer, p.Point)).All(p => !ReachesAction(p));
        }
    }

    /// <summary>Where pictures, words, state and the deciding position stand for observations.</summary>
    /// <exception cref="VitrineException">An instruction is empty or too long.</exception>
    public abstract PromptLayout Layout(IReadOnlyList<Observation> observations);

    /// <summary>One of its image towers, as an encoder of its own: where its heads look, what its neurons answer to.</summary>
    /// <param name="tower">Its name; the first when null.</param>
    /// <param name="owns">Whether the policy is disposed with it.</param>
    /// <exception cref="VitrineException">It has no such tower; the known ones are named.</exception>
    public VisionModel See(string? tower = null, bool owns = false)
    {
        var found = tower is null ? Towers.FirstOrDefault() : Towers.FirstOrDefault(t => t.Shape.Name == tower);
        return found is not null
            ? new VisionModel(this, found, RecipeOf(found), owns)
            : throw new VitrineException($"{Name}: there is no tower '{tower}'; known are {string.Join(", ", Towers.Select(t => t.Shape.Name))}.");
    }

    /// <summary>The same policy under a plan, in chosen units: the same weights, with chosen parts changed in every act. This one must outlive it.</summary>
    /// <param name="plan">Bound once; nothing when null.</param>
    /// <param name="units">One of <see cref="UnitKeys"/>; may be null where there is one.</param>
    /// <exception cref="VitrineException">The plan does not fit, or the units are unknown.</exception>
    public Policy With(RunPlan? plan = null, string? units = null) => new PlannedPolicy(this, plan ?? RunPlan.Empty, units);

    /// <summary>Acts on observations, each as if it were alone.</summary>
    /// <param name="observations">At least one.</param>
    /// <param name="plan">
    /// What to read and change, and where to stop. Step 0 reads the prompt; of a policy that speaks in tokens, step k reads action token k-1.
    /// </param>
    /// <param name="options">Where to start, and who hears of it.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">
    /// An instruction is empty or too long, a picture is refused, the units are unknown, or the plan does not fit.
    /// </exception>
    /// <exception cref="NonFiniteException">An action is no number; the first point that was not finite is named.</exception>
    public PolicyRun Act(IReadOnlyList<Observation> observations, RunPlan? plan = null, ActOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(observations);
        if (options?.Noise is not null && NoiseShape is null)
        {
            throw new VitrineException($"{Name}: a {Family} policy starts from no noise.");
        }

        return observations.Count == 0
            ? throw new VitrineException("act: there is no observation.")
            : Planned(observations, plan, options ?? new ActOptions(), cancellation);
    }

    /// <summary>Acts under a plan that was bound before (<see cref="Model.Bind"/>), for any number of acts.</summary>
    /// <param name="observations">At least one.</param>
    /// <param name="plan">Bound to this policy.</param>
    /// <param name="options">Where to start, and who hears of it.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">As <see cref="Act(IReadOnlyList{Observation}, RunPlan?, ActOptions?, CancellationToken)"/> says.</exception>
    public PolicyRun Act(IReadOnlyList<Observation> observations, BoundPlan plan, ActOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return Plan == RunPlan.Empty && Units is null && observations is { Count: > 0 } && (options?.Noise is null || NoiseShape is not null)
            ? Finite(new ActRequest { Observations = observations, Plan = plan, Options = options ?? new ActOptions(), Cancellation = cancellation })
            : Act(observations, plan.Plan, options, cancellation);
    }

    /// <summary>The logit lens of an observation: what the policy would say if it stopped behind each block of its language model.</summary>
    /// <param name="seen">One observation.</param>
    /// <param name="plan">What to change meanwhile; nothing when null.</param>
    /// <param name="count">Tokens to keep at each place; an action token is shown as its normalised value in brackets.</param>
    /// <exception cref="VitrineException">Its language model has no vocabulary, the observation is refused, or the plan does not fit.</exception>
    public LogitLens Lens(Observation seen, RunPlan? plan = null, int count = 5)
    {
        if (Language.Shape.Vocabulary == 0)
        {
            throw new VitrineException($"{Name}: stack '{Language.Shape.Name}' of this policy has no vocabulary, which the logit lens reads in.");
        }

        using var acted = Act([seen], (plan ?? RunPlan.Empty).Then(RunPlan.Capturing(LogitLens.Needs(Language.Shape))));
        return LogitLens.Of(Language, acted.Run, Shown, count);

        string Shown(int id) => Actions is { } actions && actions.IsAction(id)
            ? string.Create(CultureInfo.InvariantCulture, $"[{actions.Centre(id):+0.00;-0.00;0.00}]")
            : Tokenizer.Shown(id);
    }

    /// <inheritdoc/>
    IReadOnlyList<double[]> IActor.Act(IReadOnlyList<Turn> turns, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(turns);
        using var run = Act([.. turns.Select(t => t.Seen)], options: new ActOptions { Noise = NoiseOf(turns) }, cancellation: cancellation);
        return [.. run.Actions.Select(a => a.Values.ToArray())];
    }

    /// <summary>The noise that turns start from; null for a policy that starts from none.</summary>
    public ActNoise? NoiseOf(IReadOnlyList<Turn> turns)
    {
        ArgumentNullException.ThrowIfNull(turns);
        return NoiseShape is null ? null : ActNoise.OfSeeds([.. turns.Select(t => t.NoiseSeed)]);
    }

    /// <summary>What the family does.</summary>
    /// <exception cref="VitrineException">As <see cref="Act(IReadOnlyList{Observation}, RunPlan?, ActOptions?, CancellationToken)"/> says.</exception>
    protected internal abstract PolicyRun Act(ActRequest request);

    /// <summary>Refuses units that the checkpoint does not have.</summary>
    /// <param name="units">One of <see cref="UnitKeys"/>, or null.</param>
    protected internal virtual void RequireUnits(string? units)
    {
        if (units is not null ? !UnitKeys.Contains(units) : UnitKeys.Count != 1)
        {
            throw new VitrineException(
                $"{Folder}: {(units is null ? "an unnorm_key is needed" : $"unknown unnorm_key '{units}'")}; known are "
                    + $"{string.Join(", ", UnitKeys.Order(StringComparer.Ordinal))}.");
        }
    }

    /// <summary>Whether the family ends its own phases; else they end where it tells how far it is.</summary>
    internal virtual bool EndsPhases => false;

    /// <summary>From a picture to a tower's pixels.</summary>
    protected internal abstract PictureRecipe RecipeOf(Tower tower);

    private protected virtual PolicyRun Planned(IReadOnlyList<Observation> observations, RunPlan? plan, ActOptions options, CancellationToken cancellation)
    {
        using var bound = Bind(plan ?? RunPlan.Empty);
        return Finite(new ActRequest { Observations = observations, Plan = bound, Options = options, Cancellation = cancellation });
    }

    /// <summary>Acts, and refuses actions that are no numbers.</summary>
    private protected PolicyRun Finite(ActRequest request)
    {
        request.Options.Timing?.Begin();
        var run = Act(request.Options.Timing is { } timing && !EndsPhases
            ? request with { Options = request.Options with { Progress = new TimedProgress(timing, request.Options.Progress) } }
            : request);
        request.Options.Timing?.End(request.Options.Timing.Phases.Count == 0 ? "act" : "rest");
        if (AllowsNonFinite || run.FirstNonFinite(ActionNames) is not { } found)
        {
            return run;
        }

        run.Dispose();
        var silent = request with { Options = request.Options with { Progress = null, Timing = null } };
        throw Located(found, request.Plan, searching => Act(silent with { Plan = searching }).Dispose());
    }

    private static byte[] Bytes(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{file}: cannot be read ({e.Message}).", e);
        }
    }

    /// <remarks>An adapter's configuration counts with the weights, where it is merged.</remarks>
    private static bool IsCompanion(string file)
        => Companions.Contains(Path.GetExtension(file)) && Path.GetFileName(file) != Checkpoints.Adapters.AdapterConfig.FileName;

    private string WithCompanions()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(System.Text.Encoding.UTF8.GetBytes(base.Fingerprint));
        foreach (var file in companions.Paths)
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(Path.GetFileName(file)));
            hash.AppendData(SHA256.HashData(Bytes(file)));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
