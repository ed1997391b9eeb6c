using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Certification.Tabletop;

/// <summary>Holds this world against the reference values of a <c>world</c> folder, case by case.</summary>
/// <remarks>Positions, actions and weights must agree within 1e-9, grey levels within 1 (and 99.9 % of them exactly), flags, phases and ids exactly.</remarks>
internal static class TabletopCertificate
{
    /// <summary>The <c>family</c> of such a fixture.</summary>
    public const string Family = "tabletop";

    private const double Exact = 0, Close = 1e-9, OneGreyLevel = 1, DifferingGreyLevels = .001;

    /// <summary>The cases that concern the world alone, in their order.</summary>
    public static IReadOnlyList<string> Cases { get; } = ["render", "transition_strict", "transition_forgiving", "expert", "success", "token", "episode"];

    /// <summary>Checks a folder.</summary>
    /// <param name="folder">Holds <c>meta.json</c> of family <c>tabletop</c>, and <c>golden.safetensors</c>.</param>
    /// <param name="cases">Which cases; null for all that concern the world alone.</param>
    /// <exception cref="VitrineException">The folder is no such fixture, or lacks a case.</exception>
    public static IReadOnlyList<CertificateRow> Check(string folder, IEnumerable<string>? cases = null)
    {
        using var fixture = Fixture.Open(folder);
        return Check(fixture, cases);
    }

    /// <summary>Checks an open fixture.</summary>
    /// <param name="fixture">Of family <c>tabletop</c>; stays the caller's.</param>
    /// <param name="cases">Which cases; null for all that concern the world alone.</param>
    /// <exception cref="VitrineException">The fixture is of another family, or lacks a case.</exception>
    public static IReadOnlyList<CertificateRow> Check(Fixture fixture, IEnumerable<string>? cases = null)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        if (fixture.Family != Family)
        {
            throw new VitrineException($"{fixture.Folder}: the fixture's family is '{fixture.Family}'; expected '{Family}'.");
        }

        var goldens = new TabletopGoldens(fixture);
        return [.. (cases ?? Cases).SelectMany(name => name switch
        {
            "render" => Render(goldens),
            "transition_strict" => Transition(goldens, name, TabletopPhysics.Strict),
            "transition_forgiving" => Transition(goldens, name, TabletopPhysics.Forgiving),
            "expert" => Expert(goldens),
            "success" => Success(goldens),
            "token" => Token(goldens),
            "episode" => Episode(goldens),
            _ => throw new VitrineException($"tabletop certificate: no case '{name}'; there are {string.Join(", ", Cases)}."),
        })];
    }

    private static IEnumerable<CertificateRow> Render(TabletopGoldens goldens)
    {
        var expected = goldens.Rows("render/out.image", TabletopRenderer.Size * TabletopRenderer.Size * 3);
        double[][] found = [.. goldens.States("render/in").Select(s => TabletopRenderer.Render(s).Rgb.Select(v => (double)v).ToArray())];
        var differing = expected.Zip(found).Average(image => image.First.Zip(image.Second).Average(v => v.First == v.Second ? 0.0 : 1));
        yield return Compare("render", "out.image", found, expected, OneGreyLevel);
        yield return new("render", "out.image, share of differing values", differing, 1, DifferingGreyLevels, differing <= DifferingGreyLevels,
            $"{expected.Length} pictures");
    }

    private static IEnumerable<CertificateRow> Transition(TabletopGoldens goldens, string name, TabletopPhysics physics)
    {
        TabletopState[] found = [.. goldens.States($"{name}/in").Zip(goldens.Rows($"{name}/in.action", 7), (state, action) => physics.Step(state, action))];
        var expected = goldens.Moments($"{name}/out");
        yield return Compare(name, "out.gripper", found.Select(s => Row(s.Gripper)), expected.Select(m => Row(m.Gripper)), Close);
        yield return Compare(name, "out.objects", found.Select(s => Row([.. s.Objects.Select(o => o.Position)])), expected.Select(m => Row(m.Objects)), Close);
        yield return Compare(name, "out.open", found.Select(s => Row(s.Open)), expected.Select(m => Row(m.Open)), Exact);
        yield return Compare(name, "out.held", found.Select(s => Row(s.Held)), expected.Select(m => Row(m.Held)), Exact);
    }

    private static IEnumerable<CertificateRow> Expert(TabletopGoldens goldens)
    {
        var (states, specs) = (goldens.States("expert/in"), goldens.Specs("expert"));
        ExpertDecision[] found = [.. states.Zip(specs, TabletopExpert.Decide)];
        var weights = found.Select(d => d.Weights is { } w ? Row(w.Behind, w.Push, w.Free) : Row(-1, -1, -1));
        yield return Compare("expert", "out.action", found.Select(d => d.Action), goldens.Rows("expert/out.action", 7), Close);
        yield return Compare("expert", "out.phase", found.Select(d => Row((int)d.Phase)), goldens.Rows("expert/out.phase"), Exact);
        yield return Compare("expert", "out.push_weights", weights, goldens.Rows("expert/out.push_weights", 3), Close);
        yield return Compare("expert", "out.token", found.Select(d => Row(ActionCodec.Tabletop.Encode(d.Action))), goldens.Rows("expert/out.token", 7), Exact);
        yield return Compare("expert", "out.feasible", states.Zip(specs, (s, spec) => Row(spec.IsFeasible(s))), goldens.Rows("expert/out.feasible"), Exact);
    }

    private static IEnumerable<CertificateRow> Success(TabletopGoldens goldens)
    {
        var (starts, ends, specs) = (goldens.States("success/in.start"), goldens.Moments("success/in.end"), goldens.Specs("success"));
        var found = specs.Select((spec, i) => Row(spec.IsSolved(starts[i], Later(starts[i], ends[i]))));
        yield return Compare("success", "out.success", found, goldens.Rows("success/out.success"), Exact);
    }

    private static IEnumerable<CertificateRow> Token(TabletopGoldens goldens)
    {
        var codec = ActionCodec.Tabletop;
        int[][] ids = [.. goldens.Rows("token/in.action", 7).Select(a => codec.Encode(a))];
        double[][] actions = [.. ids.Select(id => codec.Decode(id))];
        yield return Compare("token", "out.id", ids.Select(Row), goldens.Rows("token/out.id", 7), Exact);
        yield return Compare("token", "out.action", actions, goldens.Rows("token/out.action", 7), Close);
        yield return Compare("token", "out.id_again", actions.Select(a => Row(codec.Encode(a))), goldens.Rows("token/out.id_again", 7), Exact);
        yield return Compare("token", "out.table_action",
            goldens.Integers("token/in.table_id").Select(id => codec.Decode([id, id, id, id, id, id, id])), goldens.Rows("token/out.table_action", 7), Close);
    }

    /// <remarks>The tokens of the reference, decoded and acted out: whole episodes without a policy. Rows beyond an episode's end hold -1.</remarks>
    private static IEnumerable<CertificateRow> Episode(TabletopGoldens goldens)
    {
        var (starts, specs, ends) = (goldens.States("episode/in"), goldens.Specs("episode"), goldens.Moments("episode/out.end"));
        var paths = goldens.Rows("episode/out.gripper_path", goldens.Width("episode/out.gripper_path"));
        var tokens = goldens.Rows("episode/out.tokens", goldens.Width("episode/out.tokens"));
        TabletopWorld[] worlds = [.. starts.Zip(specs, Started)];
        var found = worlds.Select((world, i) => ActedOut(world, [.. tokens[i].Chunk(7)], paths[i].Length)).ToArray();
        yield return Compare("episode", "out.gripper_path, tokens acted out", found.Select(f => f.Path), paths, Close);
        yield return Compare("episode", "out.steps, tokens acted out", found.Select(f => Row(f.Steps)), goldens.Rows("episode/out.steps"), Exact);
        yield return Compare("episode", "out.success, tokens acted out", worlds.Select(w => Row(w.HasSucceeded)), goldens.Rows("episode/out.success"), Exact);
        yield return Compare("episode", "out.end.objects, tokens acted out",
            worlds.Select(w => Row([.. w.State.Objects.Select(o => o.Position)])), ends.Select(e => Row(e.Objects)), Close);
    }

    private static TabletopWorld Started(TabletopState state, TaskSpec spec)
    {
        var world = new TabletopWorld(new() { SensorNoise = 0 });
        world.Place(new TabletopLayout(state, spec, ""));
        return world;
    }

    private static (double[] Path, int Steps) ActedOut(TabletopWorld world, double[][] tokens, int length)
    {
        var path = new List<double>(Row(world.Gripper));
        foreach (var ids in tokens.TakeWhile(ids => ids[0] >= 0 && !world.HasSucceeded))
        {
            world.Step(ActionCodec.Tabletop.Decode(Array.ConvertAll(ids, id => (int)id)));
            path.AddRange(Row(world.Gripper));
        }

        var steps = (path.Count / 3) - 1;
        path.AddRange(Enumerable.Repeat(-1.0, Math.Max(0, length - path.Count)));
        return ([.. path], steps);
    }

    private static CertificateRow Compare(string name, string point, IEnumerable<double[]> found, IEnumerable<double[]> expected, double bound)
    {
        double[][] left = [.. found], right = [.. expected];
        var pairs = left.Zip(right).SelectMany(row => row.First.Zip(row.Second)).ToArray();
        var isComplete = pairs.Length > 0 && left.Length == right.Length && left.Zip(right).All(row => row.First.Length == row.Second.Length);
        var error = pairs.Select(v => Math.Abs(v.First - v.Second)).DefaultIfEmpty(double.NaN).Max();
        var scale = pairs.Select(v => Math.Abs(v.Second)).DefaultIfEmpty(0).Max();
        return new(name, point, error, scale, bound, isComplete && error <= bound,
            isComplete ? $"{right.Length} rows" : $"{left.Length} rows for {right.Length} references");
    }

    private static TabletopState Later(TabletopState start, (Position Gripper, bool Open, int Held, Position[] Objects) moment) => start with
    {
        Gripper = moment.Gripper,
        Open = moment.Open,
        Held = moment.Held,
        Objects = [.. start.Objects.Zip(moment.Objects, (o, place) => o with { Position = place })],
    };

    private static double[] Row(params Position[] places) => [.. places.SelectMany(p => new[] { p.X, p.Y, p.Z })];

    private static double[] Row(bool flag) => [flag ? 1 : 0];

    private static double[] Row(params int[] values) => [.. values.Select(v => (double)v)];

    private static double[] Row(double a, double b, double c) => [a, b, c];
}
