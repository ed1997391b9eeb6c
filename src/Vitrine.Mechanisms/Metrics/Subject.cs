using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Metrics;

/// <summary>
/// A model on given inputs, as every method asks it: texts of a language model or a classifier, pictures of an encoder, observations of a policy.
/// </summary>
/// <remarks>The model, and what is given in tensors, stay the caller's and must outlive it.</remarks>
public abstract class Subject
{
    private protected Subject(Model model, Stack stack, IReadOnlyList<int> origins) => (Model, Stack, Origins) = (model, stack, origins);

    /// <summary>Who computes.</summary>
    public Model Model { get; }

    /// <summary>The stack in which the answer is decided, whose blocks methods look into.</summary>
    public Stack Stack { get; }

    /// <summary>What the stack is made of.</summary>
    public StackShape Shape => Stack.Shape;

    /// <summary>Rows of a batch.</summary>
    public int Rows => Origins.Count;

    /// <summary>[row]: which row of the inputs as they were given first; rows that <see cref="Take"/> chose keep their number.</summary>
    public IReadOnlyList<int> Origins { get; }

    /// <summary>[row][position]: what stands at each position of the stack, for tables; padding is empty.</summary>
    public abstract IReadOnlyList<IReadOnlyList<string>> Tokens { get; }

    /// <summary>Whether runs may start at a cached residual.</summary>
    public abstract bool CanStart { get; }

    /// <summary>The policy that flows, whatever plan it is under; null for others.</summary>
    internal Policies.Flow.FlowPolicy? Flow => (Model as Policy)?.Inner as Policies.Flow.FlowPolicy;

    /// <summary>The stack whose embeddings the inputs become; the one that decides, unless an expert decides what another stack has read.</summary>
    internal virtual Stack Reader => Stack;

    /// <summary>[row]: what stands in the sequence of <see cref="Reader"/>, padding left out.</summary>
    internal abstract IReadOnlyList<IReadOnlyList<InputToken>> InputTokens { get; }

    /// <summary>Positions of <see cref="Reader"/> at which the answer of a row is read; none where another stack decides.</summary>
    internal abstract IReadOnlyList<int> ReadAt(int row);

    /// <summary>(N,3,H,W), a picture a row, where the inputs are pictures; null for others.</summary>
    internal virtual Tensor? Pixels => null;

    /// <summary>The same model on other pixels.</summary>
    /// <param name="pixels">(N,3,H,W); stays the caller's.</param>
    /// <param name="origins">[n]: <see cref="Origins"/>.</param>
    internal virtual Subject With(Tensor pixels, IReadOnlyList<int> origins) => throw new VitrineException($"{Model.Name}: its inputs are no pixels.");

    /// <summary>
    /// What stands at the positions of the stack, in groups that come into it together: each picture, each word, the state, the rows of a chunk. One group of
    /// all where nothing is known of them.
    /// </summary>
    /// <exception cref="VitrineException">The rows are laid out differently, so that no group is the same in all.</exception>
    internal virtual IReadOnlyList<TokenGroup> Sources => [];

    /// <summary>The same of another stack's tokens that the stack reads by their keys and values; none where it reads its own alone.</summary>
    internal virtual IReadOnlyList<TokenGroup> PrefixSources => [];

    /// <summary>How many passes the stack goes through: tokens that are said, steps of a flow; 1 where one pass gives all.</summary>
    public virtual int Steps => 1;

    /// <summary>Where everything stands in the sequences; null where the subject is no policy.</summary>
    internal virtual PromptLayout? Layout => null;

    /// <summary>[row][own position]: column of the stack's batch, padding left out.</summary>
    internal virtual IReadOnlyList<int[]> Columns => [.. Tokens.Select(row => Enumerable.Range(0, row.Count).ToArray())];

    /// <summary>[row]: columns by the kind of what stands there, as the model names kinds; none where it names none.</summary>
    internal virtual IReadOnlyList<IReadOnlyDictionary<string, int[]>> Groups => [.. Origins.Select(_ => NoGroups)];

    /// <summary>Whether every pass but the first reads one token.</summary>
    internal virtual bool IsDecoded => false;

    /// <summary>A text's decoder and its own ids, row by row, where cells of several texts may share a row of a pass; else null.</summary>
    internal virtual (Decoder Decoder, IReadOnlyList<int[]> Ids)? Packable => null;

    /// <summary>
    /// The same, where what stands in front of its stack is read once for all runs whose plan leaves it alone: of one row, taken any number of times; else
    /// null.
    /// </summary>
    internal virtual PrefixedSubject? ReadOnce() => null;

    private static IReadOnlyDictionary<string, int[]> NoGroups { get; } = new Dictionary<string, int[]>();

    /// <summary>Texts.</summary>
    /// <param name="model">A language model, a text classifier, a vision-language model.</param>
    /// <param name="batch">Prompts.</param>
    public static Subject Of(TextModel model, TokenBatch batch) => new TextSubject(model, batch);

    /// <summary>Texts.</summary>
    /// <param name="model">A language model, a text classifier, a vision-language model.</param>
    /// <param name="prompts">In words.</param>
    public static Subject Of(TextModel model, params string[] prompts)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new TextSubject(model, model.Encode(prompts));
    }

    /// <summary>Pictures.</summary>
    /// <param name="model">An image encoder.</param>
    /// <param name="pixels">(B,3,H,W), normalised; stays the caller's.</param>
    public static Subject Of(VisionModel model, Tensor pixels) => new PictureSubject(model, pixels);

    /// <summary>Observations.</summary>
    /// <param name="policy">Who acts.</param>
    /// <param name="observations">At least one.</param>
    /// <param name="noise">Where a flow starts; <see cref="ActNoise.Default"/> when null, the same in every run.</param>
    public static Subject Of(Policy policy, IReadOnlyList<Observation> observations, ActNoise? noise = null)
        => new PolicySubject(policy, observations, noise);

    /// <summary>The same model on chosen rows of the inputs, each as often as it is named: a batch of experiments on one input.</summary>
    /// <param name="rows">Rows of this subject, from 0.</param>
    public abstract Subject Take(IReadOnlyList<int> rows);

    /// <summary>One pass, or for a policy one act.</summary>
    /// <param name="plan">Bound to the model.</param>
    /// <param name="from">Where the stack starts; at its embeddings when null.</param>
    /// <param name="cancellation">Stops between passes of a model that goes through several.</param>
    /// <returns>Owned by the caller.</returns>
    public abstract SubjectRun Run(BoundPlan plan, RunStart? from = null, CancellationToken cancellation = default);

    /// <summary>The same under a plan that is bound for this run alone.</summary>
    public SubjectRun Run(RunPlan? plan = null, RunStart? from = null, CancellationToken cancellation = default)
    {
        using var bound = Model.Bind(plan ?? RunPlan.Empty);
        return Run(bound, from, cancellation);
    }

    /// <summary>A run for one metric, of which nothing is computed that the metric does not read: logits at its position, of its answers.</summary>
    /// <param name="metric">What will be read of the run.</param>
    /// <param name="plan">What is read and changed.</param>
    /// <param name="from">Where the stack starts; at its embeddings when null.</param>
    /// <param name="cancellation">Stops between passes.</param>
    internal virtual SubjectRun RunFor(Metric metric, RunPlan plan, RunStart? from = null, CancellationToken cancellation = default)
        => Run(plan with { LastColumnAlone = false }, from, cancellation);

    /// <summary>
    /// What stands in front of block 0 (B,T,d), owned by the caller, and the inputs up to a position alone; null where runs cannot be cut in two there.
    /// </summary>
    internal virtual (Tensor Embedded, Func<int, Subject> Before)? Parts() => null;

    /// <summary>Refuses rows that do not exist, and gives the origins of the others.</summary>
    private protected int[] OriginsOf(IReadOnlyList<int> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return rows.FirstOrDefault(r => r < 0 || r >= Rows, -1) is >= 0 and var missing
            ? throw new VitrineException($"rows: there is no row {missing}; there are {Rows}, counted from 0.")
            : [.. rows.Select(r => Origins[r])];
    }

    private sealed class TextSubject(TextModel model, TokenBatch batch, IReadOnlyList<int> origins) : Subject(model, model.Language, origins)
    {
        public TextSubject(TextModel model, TokenBatch batch)
            : this(model, batch, [.. Enumerable.Range(0, batch.Ids.Count)])
        {
        }

        public override IReadOnlyList<IReadOnlyList<string>> Tokens
            => [.. batch.Ids.Select((row, r) => (IReadOnlyList<string>)[.. row.Select((id, t) => batch.Positions[r][t] < 0 ? "" : Shown(id))])];

        internal override IReadOnlyList<IReadOnlyList<InputToken>> InputTokens
            => [.. Tokens.Select((row, r) => (IReadOnlyList<InputToken>)
                [.. row.Select((name, t) => new InputToken(t, name, InputKind.Word)).Where(token => batch.Positions[r][token.Position] >= 0)])];

        /// <remarks>An encoder answers at its first token, a decoder at its last.</remarks>
        internal override IReadOnlyList<int> ReadAt(int row)
        {
            var own = InputTokens[row];
            return [Stack.Spec.Attention.Mask == AttentionMask.Full ? own[0].Position : own[^1].Position];
        }

        public override bool CanStart => true;

        internal override IReadOnlyList<int[]> Columns
            => [.. batch.Positions.Select(row => row.Index().Where(p => p.Item >= 0).Select(p => p.Index).ToArray())];

        /// <remarks>Blocks that see what stands before them in their own text alone, and a head that reads each token by itself.</remarks>
        internal override (Decoder Decoder, IReadOnlyList<int[]> Ids)? Packable
            => model.Labels is null && !model.Sees && batch.PositionIds is null && batch.Segments is null && model.Language.Head is not null
                && model.Language.Specs.All(s => s.Cross is null && s.Attention is { Mask: AttentionMask.Causal, Keys: KeySource.Own, AddsPositions: false })
                ? (model.Language, [.. batch.Ids.Zip(Columns, (ids, columns) => columns.Select(c => (int)ids[c]).ToArray())])
                : null;

        public override Subject Take(IReadOnlyList<int> rows) => new TextSubject(model, batch.Take(rows), OriginsOf(rows));

        public override SubjectRun Run(BoundPlan plan, RunStart? from, CancellationToken cancellation)
        {
            var run = model.Run(batch, plan, from);
            return new SubjectRun(this, run)
            {
                Ids = [.. batch.Ids.Select((row, r) => row.Select((id, t) => batch.Positions[r][t] < 0 ? -1 : id).ToArray())],
                FirstColumn = from?.Column ?? 0,
                ScoresOf = () => run.Logits.dim() == 2 ? run.Logits.unsqueeze(1) : run.Logits,
            };
        }

        internal override SubjectRun RunFor(Metric metric, RunPlan plan, RunStart? from, CancellationToken cancellation)
        {
            if (metric.Reads is not { } position || model.Labels is not null || Shape.Vocabulary == 0 || plan.StopAfter is not null
                || plan.Edits.SelectMany(e => e.Places()).Concat(plan.Capture).Concat(plan.Gradients).Select(AddressPattern.Parse)
                    .Any(p => !p.InBlock && p.Point is not null && p.Point != Point.Embed))
            {
                return base.RunFor(metric, plan, from, cancellation);
            }

            var isLastAlone = plan.LastColumnAlone && position == -1 && from is not { Layer: > 0 } && EndsInOneColumn;
            using var bound = model.Bind(plan with { StopAfter = Shape.Layers - 1, LastColumnAlone = isLastAlone });
            var run = model.Run(batch, bound, from);
            if (isLastAlone)
            {
                return new SubjectRun(this, run) { ReadOf = () => run.Residual.select(1, -1) };
            }

            long[] columns = [.. Columns.Select((own, row) => Column(own, row) - (from?.Column ?? 0))];
            return new SubjectRun(this, run) { ReadOf = () => Decoder.Pick(run.Residual, columns) };

            long Column(int[] own, int row)
            {
                var at = position < 0 ? own.Length + position : position;
                return at >= 0 && at < own.Length && own[at] >= (from?.Column ?? 0)
                    ? own[at]
                    : throw new VitrineException($"metric: position {position} of row {row}; it has {own.Length} positions.");
            }
        }

        /// <summary>Whether the last column is each row's last token, and reads no more of those before than their keys and values.</summary>
        private bool EndsInOneColumn => batch.Segments is null && batch.PositionIds is null && batch.Positions.All(row => row.All(p => p >= 0))
            && model.Language.Specs[^1] is { Cross: null, Attention: { Mask: AttentionMask.Causal, Keys: KeySource.Own, AddsPositions: false } };

        internal override (Tensor Embedded, Func<int, Subject> Before)? Parts()
        {
            if (model.Sees || model.Labels is not null || batch.PositionIds is not null || batch.Segments is not null
                || batch.Positions.Any(row => row.Any(p => p < 0)))
            {
                return null;
            }

            using var scope = NewDisposeScope();
            using var mode = no_grad();
            using var bound = model.Bind(RunPlan.Empty);
            var input = DecoderInput.Of(model.Language, batch);
            using var pass = model.Language.PassOver(new RunScope(bound, new RunRows(batch.Ids.Count, TokenKinds.None), null), input);
            var embedded = model.Language.Enter(model.Language.Embedding.Placed(input.Embedded(), pass, null), pass);
            return (embedded.MoveToOuterDisposeScope(), Before);

            Subject Before(int column)
                => new TextSubject(model, TokenBatch.Of([.. batch.Ids.Select(row => row.Take(column).ToArray())]), Origins);
        }

        /// <remarks>A folder without a tokenizer still has ids.</remarks>
        private string Shown(int id)
        {
            try
            {
                return model.Tokenizer.Shown(id);
            }
            catch (VitrineException)
            {
                return id.ToString(System.Globalization.CultureInfo.InvariantCulture);
            }
        }
    }

    private sealed class PictureSubject : Subject
    {
        private readonly VisionModel model;
        private readonly Tensor pixels;
        private readonly IReadOnlyList<int> chosen;

        public PictureSubject(VisionModel model, Tensor pixels)
            : this(model, pixels, [.. Enumerable.Range(0, (int)pixels.shape[0])], [.. Enumerable.Range(0, (int)pixels.shape[0])])
        {
        }

        /// <param name="model">Who sees.</param>
        /// <param name="pixels">(P,3,H,W).</param>
        /// <param name="chosen">[row]: which of the pixels.</param>
        /// <param name="origins">[row].</param>
        private PictureSubject(VisionModel model, Tensor pixels, IReadOnlyList<int> chosen, IReadOnlyList<int> origins)
            : base(model, model.Tower, origins)
            => (this.model, this.pixels, this.chosen) = (model, pixels, chosen);

        internal override Tensor? Pixels => Chosen();

        internal override IReadOnlyList<int> ReadAt(int row)
            => model.Tower.Around.ClassToken ? [0] : [.. InputTokens[row].Select(t => t.Position)];

        internal override IReadOnlyList<IReadOnlyList<InputToken>> InputTokens
        {
            get
            {
                var tokens = Pictures.PictureTokens.Of(model.Tower, pixels);
                InputToken[] patches =
                [
                    .. Enumerable.Range(0, tokens.Patches).Select(p => new InputToken(tokens.Prefix.Count + p, tokens.NameOfPatch(p), InputKind.Patch)
                    {
                        Row = p / tokens.Columns,
                        Column = p % tokens.Columns,
                    }),
                ];
                return [.. Origins.Select(_ => patches)];
            }
        }

        internal override Subject With(Tensor pixels, IReadOnlyList<int> origins)
            => new PictureSubject(model, pixels, [.. Enumerable.Range(0, origins.Count)], origins);

        public override IReadOnlyList<IReadOnlyList<string>> Tokens
        {
            get
            {
                var tokens = Pictures.PictureTokens.Of(model.Tower, pixels);
                string[] names = [.. Enumerable.Range(0, tokens.Count).Select(tokens.Name)];
                return [.. Origins.Select(_ => names)];
            }
        }

        public override bool CanStart => false;

        public override Subject Take(IReadOnlyList<int> rows)
        {
            var origins = OriginsOf(rows);
            return new PictureSubject(model, pixels, [.. rows.Select(r => chosen[r])], origins);
        }

        public override SubjectRun Run(BoundPlan plan, RunStart? from, CancellationToken cancellation)
        {
            if (from is not null)
            {
                throw new VitrineException($"{model.Name}: an image encoder starts at its picture.");
            }

            using var seen = Chosen();
            var run = model.Run(seen, plan);
            return new SubjectRun(this, run)
            {
                ScoresOf = () => run.Logits.dim() == 2 ? run.Logits.unsqueeze(1) : run.Logits,
            };
        }

        private Tensor Chosen() => chosen.SequenceEqual(Enumerable.Range(0, (int)pixels.shape[0]))
            ? pixels.alias()
            : pixels.index_select(0, tensor(chosen.Select(c => (long)c).ToArray(), device: pixels.device));
    }

    private sealed class PolicySubject : Subject
    {
        private readonly Policy policy;
        private readonly IReadOnlyList<Observation> observations;
        private readonly ActNoise? noise;
        private readonly PromptLayout layout;

        public PolicySubject(Policy policy, IReadOnlyList<Observation> observations, ActNoise? noise)
            : this(policy, observations, noise, [.. Enumerable.Range(0, observations.Count)])
        {
        }

        private PolicySubject(Policy policy, IReadOnlyList<Observation> observations, ActNoise? noise, IReadOnlyList<int> origins)
            : base(policy, Causes.DecidingStacks.DecidingStack(policy, observations), origins)
        {
            (this.policy, this.observations, this.noise) = (policy, observations, noise);
            layout = policy.Layout(observations);
        }

        /// <remarks>Of the stack that decides: its own rows, where it is another than the one that reads.</remarks>
        public override IReadOnlyList<IReadOnlyList<string>> Tokens => [.. layout.Rows.Select(Named)];

        internal override Stack Reader => policy.Decoders.Single(d => d.Shape.Name == layout.Stack);

        internal override IReadOnlyList<IReadOnlyList<InputToken>> InputTokens => [.. layout.Rows.Select(row => (IReadOnlyList<InputToken>)[.. Read(row)])];

        internal override IReadOnlyList<int> ReadAt(int row) => layout.DecidingStack == layout.Stack ? [(int)layout.Rows[row].Deciding] : [];

        public override bool CanStart => policy.NoiseShape is null && layout.DecidingStack == layout.Stack;

        public override int Steps => layout.DecidingSteps;

        internal override PromptLayout Layout => layout;

        internal override IReadOnlyList<IReadOnlyDictionary<string, int[]>> Groups => [.. layout.Rows.Select(Grouped)];

        internal override bool IsDecoded => layout.DecidingStack == layout.Stack && layout.DecidingSteps > 1;

        internal override PrefixedSubject? ReadOnce()
            => policy is Vitrine.Policies.Flow.FlowPolicy flow && Rows == 1 ? new PrefixedSubject(this, flow, observations[0], noise) : null;

        internal override IReadOnlyList<TokenGroup> Sources => layout.DecidingStack == layout.Stack
            ? Alike(ReadBy)
            : Alike(row =>
            [
                .. Group("state", row.DecidingState),
                .. Group("chunk", Enumerable.Range(0, row.DecidingCount).Select(i => row.Deciding + i)),
            ]);

        internal override IReadOnlyList<TokenGroup> PrefixSources => layout.DecidingStack == layout.Stack ? [] : Alike(ReadBy);

        public override Subject Take(IReadOnlyList<int> rows)
            => new PolicySubject(policy, [.. rows.Select(r => observations[r])], noise?.Take(rows), OriginsOf(rows));

        public override SubjectRun Run(BoundPlan plan, RunStart? from, CancellationToken cancellation)
        {
            var acted = policy.Act(observations, plan, new ActOptions { From = from, Noise = noise }, cancellation);
            return new SubjectRun(this, acted.Run)
            {
                Acted = acted,
                ActionNames = policy.ActionNames,
                ActionSteps = policy.ActionSteps,
                FirstColumn = from?.Column ?? 0,
                ScoresOf = acted.Tokens is null ? null : () => acted.Run.Logits,
            };
        }

        /// <remarks>What stands in the stack that decides: all that is read where that is the one which reads, else the chunk and what stands in front of
        /// it.</remarks>
        private Dictionary<string, int[]> Grouped(PromptRow row)
        {
            var groups = new Dictionary<string, int[]>(StringComparer.Ordinal)
            {
                [PromptLayout.Deciding] = [.. Enumerable.Range((int)row.Deciding, row.DecidingCount)],
            };
            if (layout.DecidingStack == layout.Stack)
            {
                groups[PromptLayout.Text] = [.. row.Words.Select(w => (int)w.Position)];
                groups[PromptLayout.State] = [.. row.State.Select(p => (int)p)];
                foreach (var (camera, picture) in row.Pictures)
                {
                    groups[row.Pictures.Count > 1 ? $"{PromptLayout.Image}.{camera}" : PromptLayout.Image] = [.. picture.Positions().Select(p => (int)p)];
                }
            }
            else
            {
                groups[PromptLayout.State] = [.. row.DecidingState.Select(p => (int)p)];
                for (var k = 0; row.DecidingCount > 1 && k < row.DecidingCount; k++)
                {
                    groups[$"{PromptLayout.Deciding}.{k}"] = [(int)row.Deciding + k];
                }
            }

            return groups.Where(g => g.Value.Length > 0).ToDictionary(StringComparer.Ordinal);
        }

        private IEnumerable<InputToken> Read(PromptRow row)
        {
            var patches = row.Pictures.SelectMany(picture => picture.Value.Positions().Select((position, i) =>
            {
                var (line, column) = (i / picture.Value.Columns, i % picture.Value.Columns);
                return new InputToken((int)position, $"{(row.Pictures.Count > 1 ? $"{picture.Key} " : "")}patch {line},{column}", InputKind.Patch)
                {
                    Camera = picture.Key,
                    Row = line,
                    Column = column,
                };
            }));
            var words = row.Words.Select(word => new InputToken((int)word.Position, policy.Tokenizer.Shown((int)word.Id), InputKind.Word));
            return patches.Concat(words).Concat(row.State.Select(position => new InputToken((int)position, "state", InputKind.State)))
                .OrderBy(token => token.Position);
        }


        /// <remarks>A word that stands twice is told apart by its place among its likes.</remarks>
        private List<TokenGroup> ReadBy(PromptRow row)
        {
            List<TokenGroup> groups = [];
            foreach (var (camera, picture) in row.Pictures)
            {
                groups.AddRange(Group(row.Pictures.Count > 1 ? $"image.{camera}" : "image", picture.Positions()));
            }

            var seen = new Dictionary<string, int>();
            foreach (var word in row.Words)
            {
                var name = policy.Tokenizer.Shown((int)word.Id).Trim();
                seen[name] = seen.GetValueOrDefault(name) + 1;
                groups.AddRange(Group($"word:{name}{(seen[name] > 1 ? $"#{seen[name]}" : "")}", [word.Position]));
            }

            groups.AddRange(Group("state", row.State));
            return groups;
        }

        private List<TokenGroup> Alike(Func<PromptRow, List<TokenGroup>> of)
        {
            var first = of(layout.Rows[0]);
            return layout.Rows.Skip(1).Select(of).FirstOrDefault(o => !o.Select(g => g.Positions.Count).SequenceEqual(first.Select(g => g.Positions.Count)))
                is { } other
                ? throw new VitrineException(
                    $"{policy.Name}: its observations have prompts of {first.Count} and {other.Count} parts; expected alike ones, so that positions match.")
                : first;
        }

        private static List<TokenGroup> Group(string name, IEnumerable<long> positions)
            => [.. new[] { new TokenGroup(name, [.. positions.Select(p => (int)p)]) }.Where(g => g.Positions.Count > 0)];

        private string[] Named(PromptRow row)
        {
            var places = new SortedDictionary<long, string>();
            foreach (var token in layout.DecidingStack == layout.Stack ? Read(row) : [])
            {
                places[token.Position] = token.Name;
            }

            foreach (var position in row.DecidingState)
            {
                places[position] = "state";
            }

            for (var k = 0; row.DecidingCount > 1 && k < row.DecidingCount; k++)
            {
                places[row.Deciding + k] = $"chunk row {k}";
            }

            return [.. Enumerable.Range(0, (int)(places.Keys.LastOrDefault(-1) + 1)).Select(i => places.GetValueOrDefault(i, ""))];
        }
    }
}
