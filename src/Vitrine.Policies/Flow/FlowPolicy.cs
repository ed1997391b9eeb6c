using TorchSharp;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies.Actions;
using Vitrine.Policies.LeRobot;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Policies.Flow;

/// <summary>
/// A policy whose action expert turns noise into a chunk of actions: at each flow step it reads the chunk so far beside what the language stack left of
/// pictures and words, and says in which direction every number moves (flow matching, Lipman et al. 2023; pi0, SmolVLA).
/// </summary>
/// <remarks>
/// Reading and denoising are two calls: <see cref="Read"/> leaves a <see cref="FlowPrefix"/>, from which any number of acts and single velocities may start. A
/// camera that an observation lacks costs nothing: its tower does not run and its tokens are not there.
/// </remarks>
public abstract class FlowPolicy : LeRobotPolicy
{
    private const string ActionPart = "action";

    private static readonly string[] ExpertNames =
        ["lm_expert.", "gemma_expert.", "action_in_proj.", "action_out_proj.", "action_time_mlp_in.", "action_time_mlp_out.", "time_mlp_in.", "time_mlp_out."];

    /// <summary>Of the last language layer, what keys and values are made of.</summary>
    private static readonly HashSet<Point> Alive =
        [Point.ResidPre, Point.AttnIn, Point.AttnK, Point.AttnV, Point.AttnKNorm, Point.AttnKRot];

    private readonly FlowSettings settings;
    private readonly FlowParts parts;
    private readonly Point sample, velocity, chunk;
    private readonly Lazy<(IReadOnlyList<double> Zeros, IReadOnlyList<double> Ones)> inUnits;

    private protected FlowPolicy(ModelSource source, WeightReader weights, LeRobotFolder folder, FlowSettings settings, FlowParts parts)
        : base(
            source, weights, folder, [parts.Vision, parts.Language, parts.Expert],
            [parts.Vision.Shape, parts.Connector.Shape, parts.Language.Shape, parts.Expert.Shape, ActionShape(settings.ActionWidth)])
    {
        (this.settings, this.parts, inUnits) = (settings, parts, new(InUnits));
        (sample, velocity, chunk) = (Sample(settings.ActionWidth), Velocities(settings.ActionWidth), Chunk(settings.ActionWidth));
    }

    /// <inheritdoc/>
    public override Decoder Language => parts.Language;

    /// <summary>The stack that denoises; it reads no words.</summary>
    public Decoder Expert => parts.Expert;

    /// <summary>Euler steps from noise to a chunk; step k is <c>@k</c> in addresses of <see cref="Expert"/> and of <c>action</c>.</summary>
    public int FlowSteps => settings.Steps;

    /// <summary>From a picture to the pixels that it reads, of any of its cameras.</summary>
    public override PictureRecipe Recipe => PictureRecipe;

    /// <summary>Tokens of a picture.</summary>
    public override int ImageTokens => parts.Connector.TokensOf(parts.Vision.Grid * parts.Vision.Grid);

    /// <summary>Rows and columns of the noise that a chunk starts from.</summary>
    public override (int Rows, int Columns)? NoiseShape => (Horizon, settings.ActionWidth);

    internal override bool EndsPhases => true;

    private protected FlowParts Parts => parts;

    private protected FlowSettings Settings => settings;

    private protected abstract PictureRecipe PictureRecipe { get; }

    /// <summary>Multiplies the tokens of pictures; null for 1.</summary>
    private protected virtual Tensor? PictureScale => null;

    /// <summary>Whether the state is a token behind the words, which the words do not see.</summary>
    private protected virtual bool StateBehindWords => false;

    /// <summary>Tokens that stand in front of the chunk in the expert.</summary>
    private protected virtual int ExpertStateTokens => 0;

    /// <summary>
    /// The same policy with an expert that has learnt nothing: its blocks, its projections of chunk and time are initial random numbers, everything that reads
    /// pictures and words is as it was trained. The control of whatever is read off an expert.
    /// </summary>
    /// <param name="name">As <see cref="Policy.Open"/> takes it.</param>
    /// <param name="options">How.</param>
    /// <returns>Owned by the caller; always the same one.</returns>
    /// <remarks>Matrices are normal with variance 1 over their inputs, biases 0, gains of norms 1.</remarks>
    /// <exception cref="VitrineException">There is no such policy, or it is none that flows.</exception>
    public static FlowPolicy OpenUntrained(string name, ModelOptions? options = null)
    {
        var opened = Open(name, (options ?? ModelOptions.Default) with { Untrained = IsOfExpert });
        if (opened is FlowPolicy flow)
        {
            return flow;
        }

        opened.Dispose();
        throw new VitrineException($"{name}: is a {opened.Family} policy, which has no expert that flows.");
    }

    /// <inheritdoc/>
    public override PromptLayout Layout(IReadOnlyList<Observation> observations) => LayoutOf(Prepared(observations));

    /// <summary>Reads observations once, for any number of acts.</summary>
    /// <param name="observations">At least one.</param>
    /// <param name="plan">What to read and change of <c>vision</c>, <c>projector</c> and <c>language</c>; nothing of the expert's.</param>
    /// <returns>Owned by the caller.</returns>
    /// <exception cref="VitrineException">As <see cref="Policy.Act(IReadOnlyList{Observation}, RunPlan?, ActOptions?, CancellationToken)"/> says.</exception>
    public FlowPrefix Read(IReadOnlyList<Observation> observations, RunPlan? plan = null)
    {
        var inputs = Prepared(observations);
        var layout = LayoutOf(inputs);
        PrefixCache? cache = null;
        using var bound = Bind(plan ?? RunPlan.Empty);
        var run = ComputePart(
            bound, inputs.Length,
            scope =>
            {
                cache = Prefix(scope, inputs, layout);
                return null;
            },
            layout.Kinds(), decoder: null, from: null,
            running: new HashSet<string> { parts.Vision.Shape.Name, parts.Connector.Shape.Name, Language.Shape.Name });
        return new FlowPrefix(cache!, inputs, layout, run);
    }

    /// <summary>Acts from what was read.</summary>
    /// <param name="prefix">Of this policy; stays the caller's. One that was made of one observation serves as many rows as the plan or the noise has.</param>
    /// <param name="plan">What to read and change of <c>expert</c> and <c>action</c>.</param>
    /// <param name="noise">Where the chunks start; <see cref="ActNoise.Default"/> when null.</param>
    /// <param name="cancellation">Stops between flow steps.</param>
    /// <exception cref="VitrineException">The plan names something of the prefix, or the noise does not fit.</exception>
    public PolicyRun Act(FlowPrefix prefix, RunPlan? plan = null, ActNoise? noise = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        noise ??= ActNoise.Default;
        var rows = prefix.Inputs.Count > 1 ? prefix.Inputs.Count : Math.Max(plan?.Rows ?? 1, noise.Rows);
        PolicyInput[] inputs = [.. Repeated(prefix.Inputs, rows)];
        var layout = prefix.Layout with { Rows = [.. Repeated(prefix.Layout.Rows, rows)] };
        using var bound = Bind(plan ?? RunPlan.Empty);
        PolicyAction[]? actions = null;
        var run = ComputePart(
            bound, rows,
            scope =>
            {
                var denoised = Denoised(scope, prefix.Cache, inputs, noise, cancellation, progress: null);
                actions = InUnits(denoised, inputs);
                return denoised;
            },
            layout.Kinds(), decoder: null, from: null, running: new HashSet<string> { Expert.Shape.Name, ActionPart });
        return new PolicyRun(run, layout, actions) { Units = UnitsOf(inputs) };
    }

    /// <summary>The plan under which an expert that read one prompt reads some rows of another.</summary>
    /// <param name="own">What it acts from; stays the caller's.</param>
    /// <param name="other">The same pictures and states under another instruction; stays the caller's.</param>
    /// <param name="swap">Which layers and rows.</param>
    /// <exception cref="VitrineException">The two prompts are not of one length, or have no such rows, or the expert no such layer.</exception>
    public RunPlan Swapping(FlowPrefix own, FlowPrefix other, PrefixSwap swap)
    {
        ArgumentNullException.ThrowIfNull(own);
        ArgumentNullException.ThrowIfNull(other);
        ArgumentNullException.ThrowIfNull(swap);
        if (swap.Layers.FirstOrDefault(l => l < 0 || l >= Expert.Shape.Layers, -1) is >= 0 and var layer)
        {
            throw new VitrineException($"swap: layer {layer}; the expert has {Expert.Shape.Layers} layers, counted from 0.");
        }

        using var scope = NewDisposeScope();
        long[][] places = [.. own.Layout.Rows.Select((row, r) => Swapped(row, other.Layout.Rows[r], swap).ToArray())];
        return places.All(p => p.SequenceEqual(places[0]))
            ? new RunPlan { Edits = Edits(0, places.Length), Rows = places.Length }
            : RunPlan.ForRows([.. places.Select((_, r) => new RunPlan { Edits = Edits(r, 1) })]);

        Edit[] Edits(int first, int count) => [.. swap.Layers.SelectMany(l => Rows(l, first, count))];

        IEnumerable<Edit> Rows(int at, int first, int count)
        {
            var chosen = tensor(places[first], device: Device);
            var (given, had) = (other.Cache.Layer(at, places.Length), own.Cache.Layer(at, places.Length));  // (B, Hkv, Tp, hd)
            foreach (var (point, heads, before) in new[] { (Point.AttnPrefixK, given.Keys, had.Keys), (Point.AttnPrefixV, given.Values, had.Values) })
            {
                if (swap.Rows == (point == Point.AttnPrefixK ? SwappedRows.Values : SwappedRows.Keys))
                {
                    continue;
                }

                var read = Of(heads);
                if (swap.Rows == SwappedRows.Random)
                {
                    read = Of(before) + Aside(read - Of(before), (swap.Draw * 1009) + (2 * at) + (point == Point.AttnPrefixK ? 0 : 1));
                }

                yield return new Replace($"{Expert.Shape.Name}.{at}.{point.Name}", EditValue.Of(read))
                {
                    Scope = new EditScope { Positions = Positions.At([.. places[first].Select(p => (int)p)]) },
                };
            }

            Tensor Of(Tensor heads) => heads.narrow(0, first, count).transpose(1, 2).index_select(1, chosen);   // (count, n, Hkv, hd)
        }

        static Tensor Aside(Tensor moved, int seed)
        {
            using var generator = new Generator((ulong)seed, CPU);
            var random = randn([1, .. moved.shape[1..]], generator: generator).to(moved);                    // the same for every row
            return random / random.norm(-1, keepdim: true) * moved.norm(-1, keepdim: true);
        }
    }

    /// <summary>A chunk in the robot's units, or what becomes one: the numbers of <c>action.x@k</c> or <c>action.chunk</c>.</summary>
    /// <param name="prefix">What was read where they come from.</param>
    /// <param name="chunk">(B,H,D); stays the caller's.</param>
    /// <exception cref="VitrineException">The chunk has another shape.</exception>
    public IReadOnlyList<PolicyAction> InUnits(FlowPrefix prefix, Tensor chunk)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        Require(chunk, prefix.Inputs.Count);
        return InUnits(chunk, prefix.Inputs) ?? throw new VitrineException($"{Name}: is on the device 'meta', where nothing is a number.");
    }

    /// <summary>Whether a plan leaves alone what is read: acts under it may start from a <see cref="FlowPrefix"/>.</summary>
    /// <remarks>What it captures of pictures and words is not there then.</remarks>
    public bool StartsAtPrefix(RunPlan? plan)
    {
        string[] behind = [Expert.Shape.Name, ActionPart];
        return plan is null || (plan.StopAfter is null && plan.Gradients.Count == 0 && plan.Edits.SelectMany(e => e.Places()).Concat(plan.Capture)
            .All(p => AddressPattern.Parse(p).Stack is { } stack && behind.Contains(stack)));
    }

    /// <summary>In which direction every number of a chunk moves at a flow time, from what was read.</summary>
    /// <param name="prefix">Of this policy; stays the caller's.</param>
    /// <param name="chunk">(B,H,D), somewhere between noise and actions; stays the caller's.</param>
    /// <param name="time">1 is noise, 0 the chunk.</param>
    /// <param name="plan">What to read and change of <c>expert</c> and <c>action</c>; there is one step, 0.</param>
    /// <returns>A run whose output is the velocity (B,H,D).</returns>
    /// <exception cref="VitrineException">The chunk has another shape, or the plan names something of the prefix.</exception>
    public Run Velocity(FlowPrefix prefix, Tensor chunk, double time, RunPlan? plan = null)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        Require(chunk, prefix.Inputs.Count);
        var layout = prefix.Layout;
        using var bound = Bind(plan ?? RunPlan.Empty);
        return ComputePart(
            bound, prefix.Inputs.Count, scope => VelocityOf(scope, prefix.Cache, chunk.to(Dtype, Device), Waves(time), 0, prefix.Inputs), layout.Kinds(),
            decoder: null, from: null, running: new HashSet<string> { Expert.Shape.Name, ActionPart });
    }

    /// <summary>The same in one pass through pictures, words and expert, as in training.</summary>
    /// <param name="observations">At least one.</param>
    /// <param name="chunk">(B,H,D); stays the caller's.</param>
    /// <param name="time">1 is noise, 0 the chunk.</param>
    /// <param name="plan">What to read and change; there is one step, 0.</param>
    /// <returns>A run whose output is the velocity (B,H,D).</returns>
    /// <exception cref="VitrineException">The chunk has another shape, or as an act says.</exception>
    public Run Velocity(IReadOnlyList<Observation> observations, Tensor chunk, double time, RunPlan? plan = null)
    {
        var inputs = Prepared(observations);
        Require(chunk, inputs.Length);
        var layout = LayoutOf(inputs);
        using var bound = Bind(plan ?? RunPlan.Empty);
        return Compute(bound, inputs.Length, Moved, layout.Kinds());

        Tensor Moved(RunScope scope)
        {
            using var prefix = Prefix(scope, inputs, layout);
            return VelocityOf(scope, prefix, chunk.to(Dtype, Device), Waves(time), 0, inputs);
        }
    }

    /// <summary>Velocities of noised chunks, as in training: pictures are seen once each, prompts read once each, several chunks denoised from each.</summary>
    /// <param name="plan">Bound to this policy; weights have gradients where it names any.</param>
    /// <param name="pictures">What was seen, with the state there.</param>
    /// <param name="asked">[row]: of which picture, and what is asked.</param>
    /// <param name="samples">Chunks (rows,H,D), and the flow time of each row: 1 is noise, 0 the chunk.</param>
    /// <returns>A run whose output is the velocities (samples,rows,H,D).</returns>
    internal Run Taught(
        BoundPlan plan, IReadOnlyList<Observation> pictures, IReadOnlyList<(int Picture, string Instruction)> asked,
        IReadOnlyList<(Tensor Chunk, IReadOnlyList<double> Times)> samples)
    {
        var inputs = Prepared([.. asked.Select(a => pictures[a.Picture] with { Instruction = a.Instruction })]);
        var layout = LayoutOf(inputs);
        return Compute(plan, inputs.Length, Moved, layout.Kinds());

        Tensor Moved(RunScope scope)
        {
            using var prefix = Prefix(scope, inputs, layout, () => Shared(scope));
            return stack([.. samples.Select(s => VelocityOf(scope, prefix, s.Chunk.to(Dtype, Device), cat([.. s.Times.Select(Waves)]), 0, inputs))]);
        }

        Tensor Shared(RunScope scope)
        {
            var own = Seen(scope, [.. pictures.Select((_, p) => inputs[asked.Index().First(a => a.Item.Picture == p).Index])], owners: null, timing: null);
            return own.index_select(0, tensor([.. asked.Select(a => (long)a.Picture)], device: Device));
        }
    }

    /// <summary>One row of a chunk in the network's units.</summary>
    /// <param name="action">In the robot's.</param>
    /// <remarks>Every mode of normalisation is a straight line, so two points of its inverse give it.</remarks>
    internal double[] Normalised(IReadOnlyList<double> action)
    {
        var (zeros, ones) = inUnits.Value;
        return [.. action.Select((a, i) => (a - zeros[i]) / (ones[i] - zeros[i]))];
    }

    /// <summary>
    /// Value vectors of a layer of the expert, read in the space of actions (F,D): how far each neuron moves each number of a row it writes to.
    /// </summary>
    /// <param name="layer">From 0.</param>
    /// <returns>
    /// Owned by the caller; without the final norm, whose gain and size depend on the rest of the stream, and without pi0.5's gates, which the flow time makes.
    /// </returns>
    /// <exception cref="VitrineException">The expert has no such layer.</exception>
    public Tensor ReadInActions(int layer)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        return Expert.RawValueVectors(layer).matmul(parts.ActionOut.Weight.t()).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// What one unit of each neuron of an expert's layer, held over all flow steps, adds to each number of the row that it stands at (F,D), normalised as the
    /// network has it: its value vector through its gate, the final norm's gain and the projection to actions, turned round, because the flow runs against the
    /// velocity.
    /// </summary>
    /// <param name="layer">From 0.</param>
    /// <param name="step">At which flow step it is read; the vectors of pi0.5 differ from step to step, because the flow time makes gates and gains.</param>
    /// <returns>
    /// Owned by the caller, in float32; the action's own numbers, without padding. The final norm's size, which depends on the rest of the stream, is left out,
    /// and so is what later layers make of it: a read-out, no effect.
    /// </returns>
    /// <exception cref="VitrineException">The expert has no such layer, or the flow no such step.</exception>
    public Tensor ActionVectors(int layer, int step = 0)
    {
        if (step < 0 || step >= settings.Steps)
        {
            throw new VitrineException($"flow step {step}: {Name} has {settings.Steps}, counted from 0.");
        }

        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var condition = Condition(Waves(settings.TimeOf(step)));
        var vectors = Expert.RawValueVectors(layer).Widened();                                             // (F, d)
        var gate = Expert.Blocks[layer].Weights.MlpNorm?.GateUnder(condition);
        var gain = Expert.LastNorm!.GainUnder(condition);                                                  // (d)
        var written = (gate is null ? vectors : vectors * gate) * gain;
        return written.matmul(parts.ActionOut.Weight.Widened().t()).narrow(1, 0, Files.Config.Action.Width).neg().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// In which direction a chunk would move if a residual stood behind the expert's last block: the last norm and the projection to actions.
    /// </summary>
    /// <param name="residual">(B,n,d) of the expert; a direction where <paramref name="isNormed"/>.</param>
    /// <param name="step">At which flow step: the flow time makes the norm of pi0.5.</param>
    /// <param name="isNormed">Whether the last norm is behind it already.</param>
    /// <returns>(B,n,D) without the bias where it is normed, owned by the caller's dispose scope.</returns>
    internal Tensor VelocityOf(Tensor residual, int step, bool isNormed = false)
    {
        if (isNormed)
        {
            return residual.matmul(parts.ActionOut.Weight.to(residual.dtype).t());
        }

        var normed = Expert.LastNorm is { } norm ? norm.Apply(residual, Condition(Waves(settings.TimeOf(step)))).Normed : residual;
        return parts.ActionOut.Apply(normed);
    }

    /// <summary>
    /// What a gradient at the chunk is at the normed residual of each flow step, chunk and noise held: chunk = noise - sum of velocities / steps.
    /// </summary>
    /// <param name="gradient">(B,H,D).</param>
    /// <returns>(B,n+H,d): zero at tokens in front of the chunk; owned by the caller's dispose scope.</returns>
    internal Tensor AtNormed(Tensor gradient)
    {
        var pulled = gradient.matmul(parts.ActionOut.Weight.to(gradient.dtype)) * (-1.0 / settings.Steps);
        return ExpertStateTokens == 0
            ? pulled
            : cat([zeros([pulled.shape[0], ExpertStateTokens, pulled.shape[2]], pulled.dtype, pulled.device), pulled], 1);
    }

    /// <summary>What the expert's norms are conditioned on at a flow step (1,c), owned by the caller's dispose scope; null where on nothing.</summary>
    internal Tensor? ConditionAt(int step) => Condition(Waves(settings.TimeOf(step)));

    /// <inheritdoc/>
    /// <remarks>The expert reads the keys and values of every language layer; what else the last one computes is read by nobody.</remarks>
    public override bool ReachesAction(Address place)
        => place.Stack != Language.Shape.Name
            || (place.Layer is { } layer ? layer < Language.Shape.Layers - 1 || Alive.Contains(place.Point) : place.Point == Point.Embed);

    /// <inheritdoc/>
    protected internal override PolicyRun Act(ActRequest request)
    {
        RequirePlain(request);
        var (progress, timing) = (request.Options.Progress, request.Options.Timing);
        timing?.Begin();
        var inputs = Prepared(request.Observations);
        var layout = LayoutOf(inputs);
        timing?.End("words and state");
        PolicyAction[]? actions = null;
        var run = Compute(request.Plan, inputs.Length, Acted, layout.Kinds());
        return new PolicyRun(run, layout, actions) { Units = UnitsOf(inputs) };

        Tensor Acted(RunScope scope)
        {
            using var prefix = Prefix(scope, inputs, layout, timing);
            timing?.End("prefix");
            progress?.Report(new(0, settings.Steps));
            var denoised = Denoised(scope, prefix, inputs, request.Options.Noise ?? ActNoise.Default, request.Cancellation, progress, timing);
            actions = InUnits(denoised, inputs);
            timing?.End("units");
            return denoised;
        }
    }

    /// <summary>What the matrix products of an act take alone, phase by phase: every projection over as many rows, and attention's two products.</summary>
    /// <param name="observations">Whose pictures and words are counted; nothing of them is read.</param>
    /// <remarks>
    /// No way of computing the act can do without them, so that what an act takes beyond them is what it could save. What no action reads is left out; so are
    /// patch embedding, connector and the projections of chunk and time.
    /// </remarks>
    /// <exception cref="VitrineException">As an act says.</exception>
    public ActTiming Products(IReadOnlyList<Observation> observations)
    {
        var layout = Layout(observations);
        var tokens = layout.Rows.Max(r => (r.Pictures.Count * ImageTokens) + r.Words.Count + r.State.Count);
        using var mode = no_grad();
        var timing = new ActTiming();
        timing.Begin();
        FlowProducts.Pictures(parts.Vision, layout.Rows.Sum(r => r.Pictures.Count));
        timing.End("pictures");
        FlowProducts.Prefix(Language, layout.Rows.Count, tokens);
        timing.End("prefix");
        for (var k = 0; k < settings.Steps; k++)
        {
            FlowProducts.Step(Expert, layout.Rows.Count, ExpertStateTokens + Horizon, tokens, projectsPrefix: k == 0, layout.Rows.Count);
            timing.End($"flow step {k}");
        }

        return timing;
    }

    /// <inheritdoc/>
    protected internal override PictureRecipe RecipeOf(Tower tower) => PictureRecipe;

    private protected override Pixels PixelsOf(Picture picture, PolicyFeature camera) => PictureRecipe.Prepare(picture).Pixels[0];

    /// <summary>What the expert reads of a chunk at a flow time: its tokens (B,n+H,d), and what its norms are conditioned on.</summary>
    /// <param name="tokens">A pass over the chunk's rows.</param>
    /// <param name="chunk">(B,H,D).</param>
    /// <param name="time">(1,d): the flow time as waves.</param>
    /// <param name="state">(B,StateWidth), or null where the network reads none as numbers.</param>
    private protected abstract (Tensor Embedded, Tensor? Condition) Suffix(Pass tokens, Tensor chunk, Tensor time, Tensor? state);

    /// <summary>What the expert's norms are conditioned on at a flow time (1,c); null where on nothing.</summary>
    /// <param name="time">(1,d): the flow time as waves.</param>
    private protected virtual Tensor? Condition(Tensor time) => null;

    /// <summary>A flow time as the expert reads it (1,d).</summary>
    private Tensor Waves(double time) => tensor(settings.Waves(time, Expert.Shape.Width), [1, Expert.Shape.Width]).to(Dtype, Device);

    /// <summary>Rows of zeros and of ones in the network's units, in the robot's.</summary>
    private (IReadOnlyList<double> Zeros, IReadOnlyList<double> Ones) InUnits()
    {
        var nothing = new PolicyInput { Pictures = new Dictionary<string, Picture>(), Task = "", State = [] };
        var width = Files.Config.Action.Width;
        var rows = Files.ToAction([new float[width], [.. Enumerable.Repeat(1f, width)]], nothing).Chunk;
        return (rows[0], rows[1]);
    }

    /// <summary>Pictures, words and state through the language stack, for the keys and values of its blocks.</summary>
    private PrefixCache Prefix(RunScope scope, IReadOnlyList<PolicyInput> inputs, PromptLayout layout, ActTiming? timing = null)
        => Prefix(scope, inputs, layout, () => Seen(scope, inputs, layout.Owners, timing));

    /// <param name="scope">Of the run.</param>
    /// <param name="inputs">One a row.</param>
    /// <param name="layout">Of the rows.</param>
    /// <param name="seen">(pictures,P,d), in the order of the rows.</param>
    private PrefixCache Prefix(RunScope scope, IReadOnlyList<PolicyInput> inputs, PromptLayout layout, Func<Tensor> seen)
    {
        int[] lengths = [.. layout.Rows.Select(r => (r.Pictures.Count * ImageTokens) + r.Words.Count + r.State.Count)];
        var columns = lengths.Max();
        return Language.Prefill(scope, new DecoderInput([.. lengths.Select(n => Places(columns, i => i < n ? i : -1))], Embedded)
        {
            BlockNumbers = StateBehindWords ? [.. layout.Rows.Select(r => Places(columns, i => r.State.Contains(i) ? 1 : 0))] : null,
        });

        Tensor Embedded()
        {
            var image = seen();                                                                            // (pictures, P, d)
            var state = StateBehindWords ? parts.State!.Apply(States(inputs)) : null;                            // (B, d)
            var (rows, picture) = (new List<Tensor>(), 0);
            foreach (var (b, row) in layout.Rows.Index())
            {
                var words = Language.Embed([[.. row.Words.Select(w => w.Id)]])[0];                         // (n, d)
                var own = image.narrow(0, picture, row.Pictures.Count).flatten(0, 1);
                picture += row.Pictures.Count;
                var padding = zeros([columns - lengths[b], words.shape[1]], Dtype, Device);
                rows.Add(cat([own, words, .. state is null ? Array.Empty<Tensor>() : [state[b].unsqueeze(0)], padding], 0));
            }

            return stack([.. rows]);                                                                       // (B, T, d)
        }
    }

    private Tensor Seen(RunScope scope, IReadOnlyList<PolicyInput> inputs, FrameOwners? owners, ActTiming? timing)
    {
        float[][] all = [.. inputs.SelectMany(input => Present(input).Select(c => PixelsOf(input.Pictures[c.Name], c).Values))];
        var pixels = tensor([.. all.SelectMany(p => p)], [all.Length, 3, Recipe.Height, Recipe.Width], device: Device);
        timing?.End("pixels");
        var tokens = parts.Connector.Forward(scope, parts.Vision.Forward(scope, pixels, owners).Features, owners);
        timing?.End("pictures");
        return PictureScale is { } scale ? tokens * scale : tokens;
    }

    private Tensor Denoised(
        RunScope scope, PrefixCache prefix, IReadOnlyList<PolicyInput> inputs, ActNoise noise, CancellationToken cancellation,
        IProgress<ActProgress>? progress, ActTiming? timing = null)
    {
        using Scalar step = -1f / settings.Steps;
        var x = noise.Draw(inputs.Count, Horizon, settings.ActionWidth).to(Dtype, Device);
        for (var k = 0; k < settings.Steps; k++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            using var tokens = scope.PassOver(Horizon, k);
            var before = tokens.At(ActionPart, sample, x);
            x = before.Plus(VelocityOf(scope, prefix, before, Waves(settings.TimeOf(k)), k, inputs) * step).MoveToOuterDisposeScope();
            timing?.End($"flow step {k}");
            progress?.Report(new(k + 1, settings.Steps));
        }

        using var whole = scope.PassOver(Horizon);
        return whole.At(ActionPart, chunk, x);
    }

    /// <param name="scope">Of the run.</param>
    /// <param name="prefix">What the expert reads.</param>
    /// <param name="chunk">(B,H,D).</param>
    /// <param name="time">(1,d), or (B,d) where rows differ: the flow time as waves.</param>
    /// <param name="step">Which flow step.</param>
    /// <param name="inputs">Of the rows.</param>
    private Tensor VelocityOf(RunScope scope, PrefixCache prefix, Tensor chunk, Tensor time, int step, IReadOnlyList<PolicyInput> inputs)
    {
        using var tokens = scope.PassOver(Horizon, step);
        var (embedded, condition) = Suffix(tokens, chunk, time, ExpertStateTokens > 0 ? States(inputs) : null);
        var columns = ExpertStateTokens + Horizon;
        var input = new DecoderInput([.. inputs.Select(_ => Places(columns, i => i))], () => embedded)
        {
            Prefix = prefix,
            PositionShift = [.. Repeated(prefix.OwnLengths, inputs.Count)],
            BlockNumbers = ExpertStateTokens > 0 ? [.. inputs.Select(_ => Places(columns, i => i < ExpertStateTokens ? 0 : 1))] : null,
            Condition = condition,
            Step = step,
        };
        using var pass = Expert.PassOver(scope, input);
        var normed = Expert.FinalNorm(Expert.Residual(input, pass, from: null), pass);
        return tokens.At(ActionPart, velocity, parts.ActionOut.Apply(normed.narrow(1, ExpertStateTokens, Horizon)));
    }

    /// <summary>(B,StateWidth): zeros behind a state's own numbers.</summary>
    private Tensor States(IReadOnlyList<PolicyInput> inputs)
    {
        var numbers = new float[inputs.Count * settings.StateWidth];
        foreach (var (row, input) in inputs.Index())
        {
            input.State.CopyTo(numbers, row * settings.StateWidth);
        }

        return tensor(numbers, [inputs.Count, settings.StateWidth]).to(Dtype, Device);
    }

    /// <summary>Names of every family: the expert inside SmolVLM or beside PaliGemma, and the projections of chunk and time.</summary>
    private static bool IsOfExpert(string tensor)
        => ExpertNames.Any(n => tensor.Contains(n, StringComparison.Ordinal));

    private PromptLayout LayoutOf(IReadOnlyList<PolicyInput> inputs)
    {
        var side = (int)Math.Sqrt(ImageTokens);
        return new PromptLayout
        {
            Stack = Language.Shape.Name,
            DecidingStack = Expert.Shape.Name,
            DecidingSteps = settings.Steps,
            Rows = [.. inputs.Select(Row)],
            Towers = new Dictionary<string, int>
            {
                [parts.Vision.Shape.Name] = parts.Vision.Grid * parts.Vision.Grid,
                [parts.Connector.Shape.Name] = ImageTokens,
            },
        };

        PromptRow Row(PolicyInput input)
        {
            var (cameras, words) = (Present(input).ToArray(), input.Words ?? []);
            var behind = cameras.Length * ImageTokens;
            return new PromptRow
            {
                Pictures = cameras.Index().ToDictionary(c => c.Item.ShortName, c => new PromptPicture(c.Index * ImageTokens, side, side)),
                Words = [.. words.Select((id, i) => new PromptWord(behind + i, id))],
                State = StateBehindWords ? [behind + words.Length] : [],
                Deciding = ExpertStateTokens,
                DecidingCount = Horizon,
                DecidingState = [.. Enumerable.Range(0, ExpertStateTokens).Select(i => (long)i)],
            };
        }
    }

    private static IEnumerable<long> Swapped(PromptRow own, PromptRow other, PrefixSwap swap)
    {
        if (own.Words.Count != other.Words.Count)
        {
            throw new VitrineException(
                $"swap: the instruction has {own.Words.Count} tokens, that with '{swap.Word}' {other.Words.Count}; rows are put in place "
                    + "only where both have as many.");
        }

        long[] differing = [.. own.Words.Zip(other.Words).Where(w => w.First.Id != w.Second.Id).Select(w => w.First.Position)];
        var pictures = own.Pictures.Values.SelectMany(p => p.Positions());
        var every = pictures.Concat(own.Words.Select(w => w.Position)).Concat(own.State);
        long[] found = swap.Rows switch
        {
            SwappedRows.Words or SwappedRows.Random => differing,
            SwappedRows.State => [.. own.State],
            SwappedRows.Image => [.. pictures],
            SwappedRows.Others => [.. every.Except(differing)],
            _ => [.. every],
        };
        return found.Length > 0 ? found : throw new VitrineException($"swap: the prompt has no rows that are '{swap.Rows}' under '{swap.Word}'.");
    }

    private void Require(Tensor chunk, int rows)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        if (!chunk.shape.SequenceEqual([rows, Horizon, settings.ActionWidth]))
        {
            throw new VitrineException(
                $"{Name}: the chunk is [{string.Join(", ", chunk.shape)}]; expected [{rows}, {Horizon}, {settings.ActionWidth}].");
        }
    }

    private static long[] Places(int columns, Func<int, long> place) => [.. Enumerable.Range(0, columns).Select(place)];

    private static IEnumerable<T> Repeated<T>(IReadOnlyList<T> rows, int count) => rows.Count == count ? rows : Enumerable.Repeat(rows[0], count);

    private static StackShape ActionShape(int width) => StackShape.Part(ActionPart, width, Sample(width), Velocities(width), Chunk(width));

    private static Point Sample(int width) => new("x", width);

    private static Point Velocities(int width) => new("velocity", width);

    private static Point Chunk(int width) => new("chunk", width);
}
