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

    /// <summary>
    /// What stands at the positions of the stack, in groups that come into it together: each picture, each word, the state, the rows of a chunk. One group of
    /// all where nothing is known of them.
    /// </summary>
    /// <exception cref="VitrineException">The rows are laid out differently, so that no group is the same in all.</exception>
    internal virtual IReadOnlyList<TokenGroup> Groups => [];

    /// <summary>The same of another stack's tokens that the stack reads by their keys and values; none where it reads its own alone.</summary>
    internal virtual IReadOnlyList<TokenGroup> PrefixGroups => [];

    /// <summary>How many passes the stack goes through: tokens that are said, steps of a flow; 1 where one pass gives all.</summary>
    public virtual int Steps => 1;

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
        => Run(plan, from, cancellation);

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
            => [.. batch.Ids.Select((row, r) => (IReadOnlyList<string>)[.. row.Select((id, t) => batch.Positions[r][t] < 0 ? "" : Shown((int)id))])];

        public override bool CanStart => true;

        public override Subject Take(IReadOnlyList<int> rows) => new TextSubject(model, batch.Take(rows), OriginsOf(rows));

        public override SubjectRun Run(BoundPlan plan, RunStart? from, CancellationToken cancellation)
        {
            var run = model.Run(batch, plan, from);
            return new SubjectRun(this, run)
            {
                Ids = [.. batch.Ids.Select((row, r) => row.Select((id, t) => batch.Positions[r][t] < 0 ? -1 : (int)id).ToArray())],
                FirstColumn = from?.Column ?? 0,
                ScoresOf = () => run.Logits.dim() == 2 ? run.Logits.unsqueeze(1) : run.Logits,
            };
        }

        internal override SubjectRun RunFor(Metric metric, RunPlan plan, RunStart? from, CancellationToken cancellation)
        {
            if (metric.OnlyPosition is not { } position || model.Labels is not null || Shape.Vocabulary == 0 || plan.StopAfter is not null
                || plan.Edits.SelectMany(e => e.Places()).Concat(plan.Capture).Concat(plan.Gradients).Select(AddressPattern.Parse)
                    .Any(p => !p.InBlock && p.Point is not null && p.Point != Point.Embed))
            {
                return Run(plan, from, cancellation);
            }

            using var bound = model.Bind(plan with { StopAfter = Shape.Layers - 1 });
            var run = model.Run(batch, bound, from);
            long[] columns = [.. batch.Positions.Select((row, r) => Column([.. row], r) - (from?.Column ?? 0))];
            int[] answers = [.. metric.OnlyAnswers.Distinct()];
            var chosen = answers.Length > 0 && answers.All(a => a >= 0 && a < Shape.Vocabulary) ? answers : null;
            return new SubjectRun(this, run)
            {
                IsAtOnePlace = true,
                Answers = chosen?.Index().ToDictionary(a => a.Item, a => a.Index),
                ScoresOf = () => (chosen is null
                    ? Stack.Spoken(Decoder.Pick(run.Residual, columns))
                    : Stack.Spoken(Decoder.Pick(run.Residual, columns), chosen)).unsqueeze(1),
            };

            long Column(long[] positions, int row)
            {
                var own = positions.Index().Where(p => p.Item >= 0).Select(p => p.Index).ToArray();
                var at = position < 0 ? own.Length + position : position;
                return at >= 0 && at < own.Length && own[at] >= (from?.Column ?? 0)
                    ? own[at]
                    : throw new VitrineException($"metric: position {position} of row {row}; it has {own.Length} positions.");
            }
        }

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

        public PictureSubject(VisionModel model, Tensor pixels)
            : this(model, pixels, [.. Enumerable.Range(0, (int)pixels.shape[0])])
        {
        }

        private PictureSubject(VisionModel model, Tensor pixels, IReadOnlyList<int> origins)
            : base(model, model.Tower, origins)
            => (this.model, this.pixels) = (model, pixels);

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
            return new PictureSubject(model, pixels, origins);
        }

        public override SubjectRun Run(BoundPlan plan, RunStart? from, CancellationToken cancellation)
        {
            if (from is not null)
            {
                throw new VitrineException($"{model.Name}: an image encoder starts at its picture.");
            }

            using var chosen = Origins.SequenceEqual(Enumerable.Range(0, (int)pixels.shape[0]))
                ? pixels.alias()
                : pixels.index_select(0, tensor(Origins.Select(o => (long)o).ToArray(), device: pixels.device));
            var run = model.Run(chosen, plan);
            return new SubjectRun(this, run)
            {
                ScoresOf = () => run.Logits.dim() == 2 ? run.Logits.unsqueeze(1) : run.Logits,
            };
        }
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

        public override bool CanStart => policy.NoiseShape is null && layout.DecidingStack == layout.Stack;

        public override int Steps => layout.DecidingSteps;

        internal override IReadOnlyList<TokenGroup> Groups => layout.DecidingStack == layout.Stack
            ? Alike(ReadBy)
            : Alike(row =>
            [
                .. Group("state", row.DecidingState),
                .. Group("chunk", Enumerable.Range(0, row.DecidingCount).Select(i => row.Deciding + i)),
            ]);

        internal override IReadOnlyList<TokenGroup> PrefixGroups => layout.DecidingStack == layout.Stack ? [] : Alike(ReadBy);

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
            if (layout.DecidingStack == layout.Stack)
            {
                foreach (var (camera, picture) in row.Pictures)
                {
                    var name = row.Pictures.Count > 1 ? $"{camera} " : "";
                    foreach (var (i, position) in picture.Positions().Index())
                    {
                        places[position] = $"{name}patch {i / picture.Columns},{i % picture.Columns}";
                    }
                }

                foreach (var word in row.Words)
                {
                    places[word.Position] = policy.Tokenizer.Shown((int)word.Id);
                }

                foreach (var position in row.State)
                {
                    places[position] = "state";
                }
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
