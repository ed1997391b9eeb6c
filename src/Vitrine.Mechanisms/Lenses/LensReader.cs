using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using Vitrine.Transformers.Caches;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Lenses;

/// <summary>Reads what a model would answer if it stopped at each of its states; or what each part of its residual says.</summary>
/// <remarks>
/// answer = head(norm(lens(residual))): nostalgebraist 2020; through a trained lens Belrose et al. 2023. Every family is read by its own head: words and action
/// tokens by the unembedding, an action expert by its projection to velocities, classes and numbers of a chunk by whatever the model has behind its last block.
/// A lens shows what can be read in the last layer's terms, not what the model uses.
/// </remarks>
public static class LensReader
{
    private const int Chunk = 64;

    /// <summary>Reads a subject.</summary>
    /// <param name="subject">Who is asked, about what.</param>
    /// <param name="lens">The logit lens when null.</param>
    /// <param name="options">How; <see cref="LensOptions.Default"/> when null.</param>
    /// <param name="plan">What to change meanwhile; nothing when null.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between states.</param>
    /// <exception cref="VitrineException">
    /// The model answers nothing, the lens is another's, a position does not exist, or the residual is no sum of parts where parts are asked for.
    /// </exception>
    public static LensReading Read(
        Subject subject, Lens? lens = null, LensOptions? options = null, RunPlan? plan = null, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(subject);
        (lens, options) = (lens ?? Lens.Logit, options ?? LensOptions.Default);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Count, 1);
        var readOut = ReadOut.Of(subject);
        Check(subject, lens, options, readOut);
        var shape = subject.Shape;
        var areParts = options.Parts != LensParts.Residual;
        using var mode = no_grad();
        using var run = subject.Run((plan ?? RunPlan.Empty).Then(new RunPlan { Capture = Needs(shape, options, readOut) }), cancellation: cancellation);
        int[] steps = readOut.ReadsParts
            ? [.. run.Run.Activations.Keys.Where(k => k with { Step = 0 } == Last(shape)).Select(k => k.Step).Order()]
            : [0];
        var places = new List<LensPlace>();
        foreach (var (done, step) in steps.Index())
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var columns = readOut.Columns(run, step, areParts ? options.Position ?? -1 : options.Position);
            var last = run.Run[(Last(shape) with { Step = step }).ToString()].detach();
            using var cache = areParts ? CacheOf(subject, run, step) : null;
            var states = cache is not null ? PartsOf(subject.Shape, cache, options.Parts) : StatesOf(run.Run, shape, step, options.Mid);
            var width = columns.Max(c => c.Length);
            int[][] even = [.. columns.Select(c => c.Concat(Enumerable.Repeat(c.Length > 0 ? c[^1] : 0, width - c.Length)).ToArray())];
            places.AddRange(Places(new Pass(subject, run, readOut, lens, options, step), columns, even, last, states,
                share => progress?.Report((done + share) / steps.Length), cancellation));
        }

        progress?.Report(1);
        return new LensReading(subject.Model.Name, shape.Name, lens.Name, options.UsedNorm, readOut.NumberNames, places);
    }

    /// <summary>A metric of what the model would answer if it stopped behind each block, the embedding first: [depth][row].</summary>
    /// <param name="subject">Who is asked.</param>
    /// <param name="metric">Of what.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between states.</param>
    /// <remarks>The rest of the model runs on each state; tokens that were said, and the samples of a flow, are held.</remarks>
    public static IReadOnlyList<IReadOnlyList<double>> Metric(
        Subject subject, Metric metric, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(metric);
        var shape = subject.Shape;
        using var mode = no_grad();
        using var plain = subject.Run(
            new RunPlan { Capture = [.. RestOfModel.Needs(subject), $"{shape.Name}.0.{Point.ResidPre}@*", $"{shape.Name}.*.{Point.ResidPost}@*"] },
            cancellation: cancellation);
        var rest = new RestOfModel(subject, plain.Run);
        var values = new List<IReadOnlyList<double>>();
        for (var depth = 0; depth <= shape.Layers; depth++)
        {
            cancellation.ThrowIfCancellationRequested();
            var at = depth == 0 ? new Address(shape.Name, 0, Point.ResidPre) : new Address(shape.Name, depth - 1, Point.ResidPost);
            using var stopped = rest.Run(step => plain.Run[(at with { Step = step }).ToString()], cancellation);
            values.Add(metric.Values(stopped));
            progress?.Report((depth + 1.0) / (shape.Layers + 1));
        }

        return values;
    }

    /// <summary>Residuals through the last norm and the head: (...,T,d) to (...,T,V), owned by the caller's dispose scope.</summary>
    /// <exception cref="VitrineException">The stack speaks no language.</exception>
    public static Tensor Said(Stack stack, Tensor residual)
    {
        ArgumentNullException.ThrowIfNull(stack);
        ArgumentNullException.ThrowIfNull(residual);
        return stack.Spoken(residual);
    }

    private static void Check(Subject subject, Lens lens, LensOptions options, ReadOut readOut)
    {
        lens.RequireOf(subject.Stack);
        if (lens != Lens.Logit && (options.Mid || options.Parts != LensParts.Residual || !readOut.ReadsParts || subject.Flow is not null))
        {
            throw new VitrineException($"lens: a {lens.Name} translates whole residuals in front of blocks of a model that speaks; "
                + "parts, residuals between attention and feed-forward, classes and velocities are read by the logit lens.");
        }

        if (!readOut.ReadsParts && (options.Parts != LensParts.Residual || options.UsedNorm != LensNorm.Own))
        {
            throw new VitrineException(
                $"lens: what {subject.Model.Name} has behind its last block is no linear head, so that parts have no reading of their own; ask for a metric, "
                + "whose gradient is attributed to them.");
        }
    }

    private static IReadOnlyList<string> Needs(StackShape shape, LensOptions options, ReadOut readOut) =>
    [
        .. readOut.Needs, $"{Last(shape)}@*",
        .. options.Parts != LensParts.Residual ? ActivationCache.Needs(shape, everyStep: true)
            :
            [
                $"{shape.Name}.0.{Point.ResidPre}@*", $"{shape.Name}.*.{Point.ResidPost}@*",
                .. options.Mid && shape.Points.Contains(Point.ResidMid) ? [$"{shape.Name}.*.{Point.ResidMid}@*"] : Array.Empty<string>(),
            ],
    ];

    private static List<(string State, int Depth, Func<Tensor> Value)> StatesOf(Run run, StackShape shape, int step, bool mid)
    {
        var states = new List<(string, int, Func<Tensor>)>();
        Add(0, Point.ResidPre, 0);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            if (mid && shape.Points.Contains(Point.ResidMid))
            {
                Add(layer, Point.ResidMid, layer);
            }

            Add(layer, Point.ResidPost, layer + 1);
        }

        return states;

        void Add(int layer, Point point, int depth)
        {
            var address = new Address(shape.Name, layer, point, step).ToString();
            states.Add(($"{layer}.{point.Name}", depth, () => run[address].detach()));
        }
    }

    private static ActivationCache CacheOf(Subject subject, SubjectRun run, int step)
        => ActivationCache.From(subject.Model, run.Run, subject.Stack, step, subject.Flow?.ConditionAt(step));

    /// <summary>Parts of the residual of a pass.</summary>
    private static List<(string State, int Depth, Func<Tensor> Value)> PartsOf(StackShape shape, ActivationCache cache, LensParts parts)
    {
        var made = new List<(string, int, Func<Tensor>)>();
        if (parts == LensParts.Components)
        {
            var all = cache.Decompose();
            made.AddRange(all.Labels.Select((label, i) => (label, DepthOf(label), (Func<Tensor>)(() => all.Values[i]))));
        }
        else
        {
            var heads = shape.Heads;
            for (var layer = 0; layer < shape.Layers; layer++)
            {
                var own = layer;
                var all = new Lazy<ComponentStack>(() => cache.HeadsOf(own));
                made.AddRange(Enumerable.Range(0, heads).Select(h => ($"L{own}H{h}", own + 1, (Func<Tensor>)(() => all.Value.Values[h]))));
            }
        }

        return made;

        static int DepthOf(string label)
            => label.IndexOf('_', StringComparison.Ordinal) is > 0 and var end
                && int.TryParse(label.AsSpan(0, end), System.Globalization.CultureInfo.InvariantCulture, out var layer) ? layer + 1 : 0;
    }

    private static IEnumerable<LensPlace> Places(
        Pass pass, int[][] columns, int[][] even, Tensor last, List<(string State, int Depth, Func<Tensor> Value)> states, Action<double> report,
        CancellationToken cancellation)
    {
        var (rows, width) = (columns.Length, even[0].Length);
        var cells = new List<LensCell>[rows, pass.IsOfNumbers ? 1 : width];
        int?[,] targets = new int?[rows, pass.IsOfNumbers ? 1 : width];
        for (var first = 0; first < width; first += pass.IsOfNumbers ? width : Chunk)
        {
            var count = pass.IsOfNumbers ? width : Math.Min(Chunk, width - first);
            int[][] read = [.. even.Select(c => c[first..(first + count)])];
            using var scope = NewDisposeScope();
            var answer = pass.Answer(last, read);
            for (var row = 0; row < rows; row++)
            {
                for (var i = first; i < (pass.IsOfNumbers ? 1 : first + count); i++)
                {
                    (cells[row, i], targets[row, i]) = ([], pass.Target(row, even[row][i], answer, i - first));
                }
            }

            foreach (var (index, (state, depth, value)) in states.Index())
            {
                cancellation.ThrowIfCancellationRequested();
                using var inner = NewDisposeScope();
                pass.Read(state, depth, value(), last, read, answer, (row, i) => targets[row, first + i], (row, i, cell) => cells[row, first + i].Add(cell));
                report((first + (count * (index + 1.0) / states.Count)) / width);
            }
        }

        for (var row = 0; row < rows; row++)
        {
            for (var i = 0; i < (pass.IsOfNumbers ? 1 : columns[row].Length); i++)
            {
                yield return pass.Place(row, columns[row][i], cells[row, i], targets[row, i]);
            }
        }
    }

    private static Address Last(StackShape shape) => new(shape.Name, shape.Layers - 1, Point.ResidPost);

    /// <summary>What stays the same in one pass.</summary>
    private sealed class Pass(Subject subject, SubjectRun run, ReadOut readOut, Lens lens, LensOptions options, int step)
    {
        private readonly Lazy<IReadOnlyList<IReadOnlyList<string>>> tokens = new(() => subject.Tokens);

        /// <summary>Whether an answer is numbers, not a choice.</summary>
        public bool IsOfNumbers => readOut.Scores == ClassScores.Quantity || subject.Flow is not null;

        private bool ArePartsRead => options.Parts != LensParts.Residual;

        /// <summary>What the model answers (B,n,N).</summary>
        public Tensor Answer(Tensor last, int[][] columns) => readOut.Read(last, step, columns, LensNorm.Own, last, isNormed: false, isPart: false).Widened();

        public int? Target(int row, int column, Tensor answer, int index)
        {
            if (IsOfNumbers)
            {
                return null;
            }

            if (options.Target is { } asked)
            {
                return asked >= 0 && asked < answer.shape[2]
                    ? asked
                    : throw new VitrineException($"lens: there is no answer {asked}; the model has {answer.shape[2]}, counted from 0.");
            }

            return run.Ids.Count > 0 && subject.Model is TextModel { Labels: null }
                && run.Ids[row].Skip(column + 1).FirstOrDefault(id => id >= 0, -1) is >= 0 and var next
                ? next
                : (int)answer[row, index].argmax().item<long>();
        }

        public void Read(
            string state, int depth, Tensor value, Tensor last, int[][] columns, Tensor answer, Func<int, int, int?> target, Action<int, int, LensCell> keep)
        {
            var isLast = depth == subject.Shape.Layers;
            var translated = isLast ? value : lens.Apply(value, depth);
            var read = readOut.Read(translated, step, columns, options.UsedNorm, last, lens.IsNormed && !isLast, ArePartsRead).Widened();
            if (IsOfNumbers)
            {
                for (var row = 0; row < read.shape[0]; row++)
                {
                    keep(row, 0, new LensCell(state, depth) { Numbers = Numbers(read[row]) });
                }

                return;
            }

            var (rows, count) = ((int)read.shape[0], (int)read.shape[1]);
            var ids = tensor([.. Enumerable.Range(0, rows).SelectMany(r => Enumerable.Range(0, count).Select(i => (long)target(r, i)!))], [rows, count],
                device: read.device);
            var entropy = Trajectory.Entropy(read).Flat();
            var divergence = ArePartsRead ? null : Trajectory.Divergence(answer, read).Flat();
            var rank = Trajectory.Rank(read, ids).cpu().contiguous().data<long>().ToArray();
            var logits = read.gather(-1, ids.unsqueeze(-1)).Flat();
            for (var at = 0; at < rows * count; at++)
            {
                var (row, i) = (at / count, at % count);
                var top = Transformers.Answer.Of(read[row, i], ArePartsRead ? ClassScores.Quantity : readOut.Scores, options.Count);
                keep(row, i, new LensCell(state, depth)
                {
                    Entropy = ArePartsRead ? null : entropy[at],
                    Divergence = divergence?[at],
                    Rank = (int)rank[at],
                    TargetLogit = logits[at],
                    Top = [.. top.Select(a => new TokenLogit(a.Id, readOut.Shown(a.Id), a.Logit, a.Probability))],
                    Numbers = ArePartsRead ? [] : readOut.NumbersOf(read[row, i], step),
                });
            }
        }

        public LensPlace Place(int row, int column, IReadOnlyList<LensCell> cells, int? target)
        {
            var isMean = IsOfNumbers || readOut.Scores != ClassScores.OneOfMany || subject.Model is VisionModel || run.Ids.Count == 0;
            var position = IsOfNumbers || !readOut.ReadsParts ? -1 : run.Ids.Count > 0 ? run.Ids[row].Take(column).Count(id => id >= 0) : column;
            var text = isMean || !readOut.ReadsParts ? Said() : tokens.Value[row][column];
            return new LensPlace(subject.Origins[row], step, position, text, cells)
            {
                Target = target,
                TargetText = target is { } id ? readOut.Shown(id) : null,
            };

            string Said() => run.ActionNames.Count > step && subject.Steps == run.ActionNames.Count && readOut.ReadsParts && !IsOfNumbers
                ? run.ActionNames[step]
                : IsOfNumbers && subject.Steps > 1 ? $"flow step {step}" : "";
        }

        /// <summary>Rows of a chunk: one of them, or the mean over those that are carried out; without what the network pads.</summary>
        private double[] Numbers(Tensor rows)
        {
            var names = subject.Flow is not null ? run.ActionNames.Count : readOut.NumberNames.Count;
            var horizon = (int)rows.shape[0];
            if (options.ChunkRow is { } only && (only < 0 || only >= horizon))
            {
                throw new VitrineException($"lens: row {only} of the chunk; it has {horizon}, counted from 0.");
            }

            var chosen = options.ChunkRow is { } one ? rows.narrow(0, one, 1) : rows.narrow(0, 0, Math.Min(run.ActionSteps, horizon));
            return [.. chosen.narrow(1, 0, names).mean([0]).Flat().Select(v => (double)v)];
        }
    }
}
