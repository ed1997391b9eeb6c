using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Patching;

/// <summary>
/// Activation patching and ablation: a run in which one activation is replaced by that of another run, by zeros, by a mean or by another row's, for every cell
/// of a sweep.
/// </summary>
/// <remarks>
/// Vig et al. 2020; Meng et al. 2022; Wang et al. 2022; Zhang and Nanda 2024. The metric of each cell is that of a run of its own: do(a := a'). Cells start
/// at their first patched layer and, behind causal attention, at their first patched position; what stands before is read from the unpatched run.
/// </remarks>
public sealed class ActivationPatching
{
    private static readonly Dictionary<string, string> Short = new(StringComparer.Ordinal)
    {
        ["z"] = "attn.z", ["q"] = "attn.q", ["k"] = "attn.k", ["v"] = "attn.v", ["pattern"] = "attn.pattern", ["neurons"] = "mlp.neurons",
        ["attn_out"] = "attn.out", ["mlp_out"] = "mlp.out",
    };

    private readonly Subject clean;
    private readonly Subject? corrupted;
    private readonly Subject? over;
    private readonly Metric metric;

    private ActivationPatching(Subject clean, Subject? corrupted, Subject? over, Metric metric)
        => (this.clean, this.corrupted, this.over, this.metric) = (clean, corrupted, over, metric);

    /// <summary>Patching between two runs.</summary>
    /// <param name="clean">Of one model; row r is the partner of row r of the other.</param>
    /// <param name="corrupted">Of the same model.</param>
    /// <param name="metric">What is measured.</param>
    /// <exception cref="VitrineException">They are of two models, or of different numbers of rows.</exception>
    public static ActivationPatching Between(Subject clean, Subject corrupted, Metric metric)
    {
        ArgumentNullException.ThrowIfNull(clean);
        ArgumentNullException.ThrowIfNull(corrupted);
        ArgumentNullException.ThrowIfNull(metric);
        return !ReferenceEquals(clean.Model, corrupted.Model) ? throw new VitrineException("patch: the two inputs are those of two models; expected one.")
            : clean.Rows != corrupted.Rows ? throw new VitrineException($"patch: {clean.Rows} clean inputs and {corrupted.Rows} corrupted ones; expected pairs.")
            : new ActivationPatching(clean, corrupted, null, metric);
    }

    /// <summary>Ablation of one run.</summary>
    /// <param name="subject">What is run.</param>
    /// <param name="metric">What is measured.</param>
    /// <param name="over">Whose rows means are taken over, or drawn; the subject itself when null.</param>
    public static ActivationPatching Ablating(Subject subject, Metric metric, Subject? over = null)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(metric);
        return new ActivationPatching(subject, null, over ?? subject, metric);
    }

    /// <summary>What a sweep will take.</summary>
    /// <param name="sweep">Which cells.</param>
    /// <param name="options">How; as they stand when null.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">The sweep means nothing here, the contrast changes nothing, or a cell takes more memory than is allowed.</exception>
    public PatchPlan Plan(PatchSweep sweep, PatchOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sweep);
        options ??= new PatchOptions();
        var asked = new Asked(this, sweep, cancellation);
        var (passes, forwards, memory) = asked.Cells.Cost(options, cancellation);
        var shape = asked.Patched.Shape;
        var perToken = (2.0 * shape.Width * shape.HeadWidth * (shape.Heads + shape.KeyValueHeads))
            + ((asked.Patched.Stack.Spec.Mlp.Gated ? 3.0 : 2.0) * shape.Width * shape.Neurons);
        return new PatchPlan
        {
            Sweep = asked.Sweep,
            Cells = asked.Listed,
            Pairs = clean.Rows,
            Passes = passes,
            Forwards = forwards,
            GigaOperations = forwards * perToken * shape.Layers * asked.Patched.Columns[0].Length / 1e9,
            Memory = memory,
            Allowed = options.Memory ?? CellSweep.Allowed(),
        };
    }

    /// <summary>Runs a sweep.</summary>
    /// <param name="sweep">Which cells.</param>
    /// <param name="options">How; as they stand when null.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between batches; what was done stands in the file to resume from, where one is named.</param>
    /// <exception cref="VitrineException">As <see cref="Plan"/> says, or the file to resume from is another sweep's.</exception>
    public PatchResult Run(
        PatchSweep sweep, PatchOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sweep);
        options ??= new PatchOptions();
        var asked = new Asked(this, sweep, cancellation);
        var method = corrupted is null ? "ablate" : "activation";
        using var done = options.Resume is { } path
            ? DoneCells.Open(path, new PatchProgress
            {
                Model = clean.Model.Fingerprint,
                Inputs = DoneCells.HashOf(clean, corrupted, over),
                Method = method,
                Sweep = asked.Sweep,
                Metric = metric,
                Baselines = asked.Baselines,
                Done = [],
            }, asked.Listed.Count)
            : null;
        var values = asked.Cells.Run(asked.Baselines, options, done, progress, cancellation);
        return new PatchResult
        {
            Method = method,
            Model = clean.Model.Name,
            Stack = asked.Patched.Shape.Name,
            Sweep = asked.Sweep,
            Metric = metric,
            Patched = asked.Baselines,
            Source = asked.Others,
            Tokens = asked.Patched.Tokens[0],
            Cells = [.. asked.Listed.Select((cell, i) => new PatchEffect(cell, [.. values.Select(v => v[i])]))],
        };
    }

    /// <summary>The point that a text names, in full or in short.</summary>
    /// <exception cref="VitrineException">The stack has no such point in its blocks; the nearest that it has is named.</exception>
    internal static Point PointOf(string name, StackShape shape)
    {
        var known = shape.Points.Where(p => p.IsInBlock).ToArray();
        var full = Short.GetValueOrDefault(name, name);
        return Array.Find(known, p => p.Name == full) ?? throw new VitrineException(
            $"patch: stack '{shape.Name}' has no point '{name}' in its blocks; the nearest is '{Nearest.Of(name, [.. known.Select(p => p.Name), .. Short.Keys])}'.");
    }

    /// <summary>The metric of every row, unpatched; one row a run, as cells are.</summary>
    internal static double[] Unpatched(Subject subject, Metric metric, RunPlan? under, CancellationToken cancellation)
        => [.. Enumerable.Range(0, subject.Rows).Select(row =>
        {
            cancellation.ThrowIfCancellationRequested();
            using var run = subject.Take([row]).Run(under, cancellation: cancellation);
            return metric.Values(run)[0];
        })];

    /// <exception cref="VitrineException">The metric is the same in both.</exception>
    internal static void RequireContrast(IReadOnlyList<double> a, IReadOnlyList<double> b, Metric metric)
    {
        var (x, y) = (a.Average(), b.Average());
        if (Math.Abs(x - y) <= 1e-6 * Math.Max(1e-6, Math.Max(Math.Abs(x), Math.Abs(y))))
        {
            throw new VitrineException(FormattableString.Invariant(
                $"patch: the contrast changes nothing: {metric.Name} is {x:0.######} clean and {y:0.######} corrupted."));
        }
    }

    /// <summary>A sweep as it is asked of two subjects: its cells, and where their values come from.</summary>
    private sealed class Asked
    {
        private readonly ActivationPatching of;
        private readonly Subject? source;
        private readonly (Point Point, PatchCell Cell)[] cells;

        public Asked(ActivationPatching of, PatchSweep sweep, CancellationToken cancellation)
        {
            this.of = of;
            if ((sweep.With == PatchWith.Other) != of.corrupted is not null)
            {
                throw new VitrineException(of.corrupted is null
                    ? "patch: there is one input; say what to put in: zero, mean or resample."
                    : $"patch: between two runs the other's activations are put in, not {sweep.With}; ablation takes one input.");
            }

            Patched = of.corrupted is null || sweep.Noise ? of.clean : of.corrupted;
            source = of.corrupted is null ? null : sweep.Noise ? of.corrupted : of.clean;
            Sweep = Resolved(sweep);
            var shape = Patched.Shape;
            cells = [.. Sweep.Points.Select(p => PointOf(p, shape)).SelectMany(point => CellsOf(point, shape).Select(cell => (point, cell)))];
            if (cells.Length == 0)
            {
                throw new VitrineException("patch: the sweep has no cell.");
            }

            Baselines = Unpatched(Patched, of.metric, null, cancellation);
            Others = source is null ? null : Unpatched(source, of.metric, null, cancellation);
            if (Others is not null)
            {
                var (c, d) = Sweep.Noise ? (Baselines, Others) : (Others, Baselines);
                RequireContrast(c, d, of.metric);
            }

            Cells = new CellSweep(Patched, of.metric, RunPlan.Empty, Work);
        }

        public Subject Patched { get; }

        public PatchSweep Sweep { get; }

        public CellSweep Cells { get; }

        public IReadOnlyList<PatchCell> Listed => [.. cells.Select(c => c.Cell)];

        public IReadOnlyList<double> Baselines { get; }

        public IReadOnlyList<double>? Others { get; }

        /// <remarks>
        /// Where two prompts differ in length, and nothing says which of their positions belong together, what decides is patched, of a policy that names it.
        /// </remarks>
        private PatchSweep Resolved(PatchSweep sweep)
        {
            if (sweep.Window < 1 || (sweep.Window > 1 && sweep.Points.Count > 1))
            {
                throw new VitrineException($"patch: a window of {sweep.Window} layers; expected at least 1, and one point at a time where it is more.");
            }

            if (source is null || sweep.Groups is not null || sweep.By.Contains(PatchAxis.Group))
            {
                return sweep;
            }

            var pair = Enumerable.Range(0, Patched.Rows).FirstOrDefault(r => Patched.Columns[r].Length != source.Columns[r].Length, -1);
            if (pair < 0)
            {
                return sweep;
            }

            if (!sweep.By.Contains(PatchAxis.Position) && sweep.Positions is null && Patched.Groups[pair].ContainsKey(Policies.PromptLayout.Deciding))
            {
                return sweep with { Groups = [Policies.PromptLayout.Deciding] };
            }

            var (a, b) = (of.clean.Columns[pair].Length, of.corrupted!.Columns[pair].Length);
            throw new VitrineException(
                $"patch: pair {pair} has {a} positions clean and {b} corrupted; positions must match, so give prompts of one length, or patch by group.");
        }

        private IEnumerable<PatchCell> CellsOf(Point point, StackShape shape)
        {
            var isShared = Sweep.Ungrouped && (point == Point.AttnK || point == Point.AttnV);
            var heads = isShared ? shape.Heads : point.HeadsIn(shape);
            var shortest = Patched.Columns.Min(c => c.Length);
            var places = Sweep.By.Contains(PatchAxis.Group)
                ? Groups().Select(g => new PatchCell("", 0) { Group = g })
                : Over(PatchAxis.Position, Sweep.Positions, shortest, "position").Select(p => new PatchCell("", 0) { Position = p });
            return from layer in Chosen(Sweep.Layers, shape.Layers, "layer")
                   from step in Over(PatchAxis.Step, Sweep.Steps, Patched.Steps, "step")
                   from place in places
                   from head in Over(PatchAxis.Head, Sweep.Heads, heads, $"head at {point}")
                   from neuron in Over(PatchAxis.Neuron, Sweep.Neurons, point.LastAxisIn(shape), $"coordinate at {point}")
                   select place with { Point = point.Name, Layer = layer, Step = step, Head = head, Neuron = neuron };
        }

        private IEnumerable<int?> Over(PatchAxis axis, IReadOnlyList<int>? chosen, int count, string what)
            => Sweep.By.Contains(axis) ? Chosen(chosen, count, what).Select(i => (int?)i) : [null];

        private static IEnumerable<int> Chosen(IReadOnlyList<int>? chosen, int count, string what)
        {
            if (count == 0)
            {
                throw new VitrineException($"patch: there is no {what} to count over.");
            }

            return (chosen ?? [.. Enumerable.Range(0, count)]).Select(i => i < 0 && i >= -count && what == "position" ? count + i : i).Select(i => i >= 0 && i < count
                ? i
                : throw new VitrineException($"patch: there is no {what} {i}; there are {count}, counted from 0."));
        }

        private IReadOnlyList<string> Groups()
        {
            string[] known = [.. Patched.Groups.SelectMany(g => g.Keys).Distinct().Where(k => source is null || source.Groups.Any(g => g.ContainsKey(k)))];
            return known.Length == 0 ? throw new VitrineException($"patch: {Patched.Model.Name} names no groups of positions.")
                : Sweep.Groups is { } asked ? [.. asked.Select(a => known.Contains(a) ? a : throw Unknown(a, known))]
                : [.. known.Where(k => source is null || Patched.Groups.Zip(source.Groups).All(g => Count(g.First, k) == Count(g.Second, k)))];

            static int Count(IReadOnlyDictionary<string, int[]> groups, string name) => groups.TryGetValue(name, out var columns) ? columns.Length : 0;
        }

        private static VitrineException Unknown(string group, string[] known)
            => new($"patch: there is no group of positions '{group}'; known are {string.Join(", ", known)}; the nearest is '{Nearest.Of(group, known)}'.");

        private PairWork Work(int pair, CancellationToken cancellation)
        {
            var owned = new List<IDisposable>();
            var shape = Patched.Shape;
            Address[] places = [.. cells.SelectMany(c => Window(c.Cell.Layer).Select(l => new Address(shape.Name, l, c.Point))).Distinct()];
            var own = new Lazy<IPlaceValues>(() => Captured(Patched, pair, [.. places.Select(p => p with { Point = Point.AttnZ })]));
            try
            {
                IPlaceValues values = Sweep.With switch
                {
                    PatchWith.Other => Captured(source!, pair, places),
                    PatchWith.Zero => new ZeroValues(Captured(Patched, pair, places)),
                    PatchWith.Mean => Kept(GivenValues.MeanOf(of.over!, RequireMeans(places), cancellation)),
                    _ => Captured(of.over!, Drawn(pair), places),
                };
                return new PairWork([.. cells.Select(c => new CellWork([.. Window(c.Cell.Layer).SelectMany(layer => Changes(c.Point, c.Cell, layer, pair, values, own))]))],
                    owned);
            }
            catch
            {
                owned.ForEach(o => o.Dispose());
                throw;
            }

            RunValues Captured(Subject subject, int row, IReadOnlyList<Address> at)
                => Kept(new RunValues(subject.Take([row]).Run(RunPlan.Capturing([.. at.Distinct().Select(p => GivenValues.Steps(subject, p))]), null, cancellation)));

            T Kept<T>(T value) where T : IDisposable
            {
                owned.Add(value);
                return value;
            }
        }

        private static IReadOnlyList<Address> RequireMeans(Address[] places)
            => Array.Find(places, p => p.Point.Axes == PointAxes.Attention) is { Point: not null } at
                ? throw new VitrineException($"patch: '{at}' has no mean over positions; choose a point such as attn.z, or resample.")
                : places;

        /// <summary>A row of the set that is not the pair's own and as long.</summary>
        private int Drawn(int pair)
        {
            var length = Patched.Columns[pair].Length;
            int[] others = [.. Enumerable.Range(0, of.over!.Rows).Where(r => of.over.Columns[r].Length == length && !(ReferenceEquals(of.over, Patched) && r == pair))];
            return others.Length > 0
                ? others[new Random(unchecked((Sweep.Seed * 397) ^ pair)).Next(others.Length)]
                : throw new VitrineException($"patch: no other row of the set has the {length} positions of row {pair}; resampling needs one.");
        }

        private IEnumerable<int> Window(int layer)
        {
            var first = Math.Max(0, layer - (Sweep.Window / 2));
            return Enumerable.Range(first, Math.Min(Patched.Shape.Layers, layer + ((Sweep.Window + 1) / 2)) - first);
        }

        private IEnumerable<PlaceChange> Changes(Point point, PatchCell cell, int layer, int pair, IPlaceValues values, Lazy<IPlaceValues> own)
        {
            var shape = Patched.Shape;
            var isShared = Sweep.Ungrouped && (point == Point.AttnK || point == Point.AttnV);
            var group = shape.Heads / Math.Max(1, shape.KeyValueHeads);
            var place = new Address(shape.Name, layer, point);
            var (columns, from, inDecoded) = Columns(cell, pair);
            foreach (var head in cell.Head is { } one ? [isShared ? one / group : one] : Sweep.By.Contains(PatchAxis.Head) ? [null] : Named(Sweep.Heads))
            {
                foreach (var neuron in cell.Neuron is { } n ? [n] : Sweep.By.Contains(PatchAxis.Neuron) ? [null] : Named(Sweep.Neurons))
                {
                    foreach (var step in cell.Step is { } s ? [s] : Sweep.By.Contains(PatchAxis.Step) ? [null] : Named(Sweep.Steps))
                    {
                        yield return new PlaceChange(place, values)
                        {
                            Columns = columns, From = from, Head = head, Neuron = neuron, Step = step, InDecoded = inDecoded,
                        };
                    }
                }
            }

            if (isShared && cell.Head is { } query)
            {
                if (Patched.Steps > 1)
                {
                    throw new VitrineException("patch: keys and values of one query head are patched in models that answer in one pass.");
                }

                // What the other heads of the group write is put back: they read the same input, and so write what they write in the unpatched run.
                int[]? behind = columns is null ? null : [.. Patched.Columns[pair].Where(c => c >= columns.Min())];
                foreach (var other in Enumerable.Range(query / group * group, group).Where(h => h != query))
                {
                    yield return new PlaceChange(place with { Point = Point.AttnZ }, own.Value) { Columns = behind, Head = other };
                }
            }
        }

        private static IReadOnlyList<int?> Named(IReadOnlyList<int>? chosen) => chosen is null ? [null] : [.. chosen.Select(i => (int?)i)];

        /// <summary>Columns that a cell changes, those that the values come from, and whether decoded tokens are changed too.</summary>
        private (int[]? Columns, int[]? From, bool InDecoded) Columns(PatchCell cell, int pair)
        {
            if (cell.Group is not null || (Sweep.Groups is not null && cell.Position is null))
            {
                IReadOnlyList<string> names = cell.Group is { } one ? [one] : Sweep.Groups!;
                var to = OfGroups(Patched, names);
                var from = source is null ? to : OfGroups(source, names);
                return to.Length != from.Length
                    ? throw new VitrineException($"patch: {string.Join(", ", names)} of pair {pair} have {to.Length} positions in the one run and {from.Length} in the other.")
                    : (to, from, names.Contains(Policies.PromptLayout.Deciding));
            }

            int[]? positions = cell.Position is { } p ? [p] : Sweep.Positions is { } all ? [.. all] : null;
            if (positions is null)
            {
                return (null, null, true);
            }

            var (own, other) = (Patched.Columns[pair], source?.Columns[pair] ?? Patched.Columns[pair]);
            int[] at = [.. positions.Select(i => i < 0 ? own.Length + i : i)];
            return at.Any(i => i < 0 || i >= own.Length)
                ? throw new VitrineException($"patch: positions {string.Join(", ", positions)}; row {pair} has {own.Length}, counted from 0.")
                : ([.. at.Select(i => own[i])], [.. at.Select(i => other[i])], false);

            int[] OfGroups(Subject subject, IReadOnlyList<string> names) => [.. names.SelectMany(n => subject.Groups[pair].TryGetValue(n, out var columns)
                ? columns
                : throw Unknown(n, [.. subject.Groups[pair].Keys]))];
        }
    }
}
