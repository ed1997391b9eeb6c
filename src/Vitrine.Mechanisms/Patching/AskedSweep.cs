using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;

namespace Vitrine.Mechanisms.Patching;

/// <summary>A sweep as it is asked of two subjects: its cells, and where their values come from.</summary>
internal sealed class AskedSweep
{
    private readonly PatchContrast of;
    private readonly Subject? source;
    private readonly (Point Point, PatchCell Cell)[] cells;

    public AskedSweep(PatchContrast of, PatchSweep sweep, CancellationToken cancellation)
    {
        this.of = of;
        if ((sweep.With == PatchWith.Other) != of.Corrupted is not null)
        {
            throw new VitrineException(of.Corrupted is null
                ? "patch: there is one input; say what to put in: zero, mean or resample."
                : $"patch: between two runs the other's activations are put in, not {sweep.With}; ablation takes one input.");
        }

        if (of.Noise is not null && sweep.Noise)
        {
            throw new VitrineException("patch: tracing restores clean activations in noised runs; it has no other direction.");
        }

        Patched = of.Corrupted is null || sweep.Noise ? of.Clean : of.Corrupted;
        source = of.Corrupted is null ? null : sweep.Noise ? of.Corrupted : of.Clean;
        Sweep = Resolved(sweep);
        var shape = Patched.Shape;
        cells = [.. Sweep.Points.Select(p => PatchContrast.PointOf(p, shape)).SelectMany(point => CellsOf(point, shape).Select(cell => (point, cell)))];
        if (cells.Length == 0)
        {
            throw new VitrineException("patch: the sweep has no cell.");
        }

        if ((Sweep.Positions ?? (object?)Sweep.Groups ?? Sweep.By.Cast<PatchAxis?>().FirstOrDefault(b
            => b is PatchAxis.Position or PatchAxis.Group)) is not null
            && Array.Find(cells, c => c.Point == Point.AttnPrefixK || c.Point == Point.AttnPrefixV) is { Point: { } other })
        {
            throw new VitrineException($"patch: '{other}' holds the positions of another stack; it is patched whole, without positions and groups.");
        }

        Baselines = of.Unpatched(Patched, Under, cancellation);
        Others = source is null ? null : of.Unpatched(source, null, cancellation);
        if (Others is not null)
        {
            var (c, d) = Sweep.Noise ? (Baselines, Others) : (Others, Baselines);
            PatchContrast.Require(c, d, of.Metric);
        }

        Cells = new CellSweep(Patched, of.Metric, Under, Work);
    }

    public Subject Patched { get; }

    public PatchSweep Sweep { get; }

    /// <summary>The run that values come from; null where they come from none.</summary>
    public Subject? Source => source;

    public CellSweep Cells { get; }

    /// <summary>Points and cells, in order.</summary>
    public IReadOnlyList<(Point Point, PatchCell Cell)> Points => cells;

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

        if (sweep.Points.All(p => !p.StartsWith("attn.prefix", StringComparison.Ordinal)) && !sweep.By.Contains(PatchAxis.Position) && sweep.Positions is null
            && Patched.Groups[pair].ContainsKey(Policies.PromptLayout.Deciding))
        {
            return sweep with { Groups = [Policies.PromptLayout.Deciding] };
        }

        var (a, b) = (of.Clean.Columns[pair].Length, of.Corrupted!.Columns[pair].Length);
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

        return (chosen ?? [.. Enumerable.Range(0, count)]).Select(i => i < 0 && i >= -count && what == "position" ? count + i : i).Select(i => i >= 0
            && i < count
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

    /// <summary>What the patched run of a pair is under.</summary>
    public RunPlan Under(int pair) => of.Noise?.Invoke(pair) ?? RunPlan.Empty;

    /// <summary>Every place of some cell.</summary>
    public IReadOnlyList<Address> Places()
        => [.. cells.SelectMany(c => Window(c.Cell.Layer).Select(l => new Address(Patched.Shape.Name, l, c.Point))).Distinct()];

    private PairWork Work(int pair, CancellationToken cancellation)
    {
        var owned = new List<IDisposable>();
        Address[] places = [.. Places()];
        var own = new Lazy<IPlaceValues>(() => Captured(Patched, pair, [.. places.Select(p => p with { Point = Point.AttnZ })]));
        try
        {
            IPlaceValues values = Sweep.With switch
            {
                PatchWith.Other => Captured(source!, pair, places),
                PatchWith.Zero => new ZeroValues(Captured(Patched, pair, places)),
                PatchWith.Mean => Kept(GivenValues.MeanOf(of.Over!, RequireMeans(places), cancellation)),
                _ => Captured(of.Over!, Drawn(pair), places),
            };
            return new PairWork([.. cells.Select(c => new CellWork([.. Window(c.Cell.Layer).SelectMany(layer => Changes(c.Point, c.Cell, layer, pair, values,
                own))]))],
                owned);
        }
        catch
        {
            owned.ForEach(o => o.Dispose());
            throw;
        }

        RunValues Captured(Subject subject, int row, IReadOnlyList<Address> at)
            => Kept(new RunValues(subject.Take([row]).RunFor(
                of.Metric, RunPlan.Capturing([.. at.Distinct().Select(p => GivenValues.Steps(subject, p))]), null, cancellation)));

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
        int[] others = [.. Enumerable.Range(0, of.Over!.Rows).Where(r => of.Over.Columns[r].Length == length && !(ReferenceEquals(of.Over, Patched)
            && r == pair))];
        return others.Length > 0
            ? others[new Random(unchecked((Sweep.Seed * 397) ^ pair)).Next(others.Length)]
            : throw new VitrineException($"patch: no other row of the set has the {length} positions of row {pair}; resampling needs one.");
    }

    public IEnumerable<int> Window(int layer)
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
                        Columns = columns,
                        From = from,
                        Head = head,
                        Neuron = neuron,
                        Step = step,
                        InDecoded = inDecoded,
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
    public (int[]? Columns, int[]? From, bool InDecoded) Columns(PatchCell cell, int pair)
    {
        if (cell.Group is not null || (Sweep.Groups is not null && cell.Position is null))
        {
            IReadOnlyList<string> names = cell.Group is { } one ? [one] : Sweep.Groups!;
            var to = OfGroups(Patched, names);
            var from = source is null ? to : OfGroups(source, names);
            return to.Length != from.Length
                ? throw new VitrineException(
                    $"patch: {string.Join(", ", names)} of pair {pair} have {to.Length} positions in the one run and {from.Length} in the other.")
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
