using Vitrine.Policies;

namespace Vitrine.Serving.Fit;

/// <summary>How a policy and a client fit together: found before the robot moves, from names and sizes alone.</summary>
/// <remarks>
/// A camera is found by what the user said, then by its name (folders and the word image left out), then, as a guess, by its part: wrist cameras with wrist
/// cameras, others with others, where one is left on each side. A state is found by what the user said, as the only vector of the right width, or, as a guess,
/// as all vectors in the order of the message where their widths add up.
/// </remarks>
public sealed class FitCheck
{
    private static readonly string[] Prefixes = ["observation.images.", "observation.", "observation/", "images/", "images.", "video.", "state.", "states."];
    private static readonly string[] Wrists = ["wrist", "hand", "gripper"];
    private readonly PolicyNeeds needs;
    private readonly NameMap names;
    private readonly ClientShape client;
    private readonly List<FitLine> lines = [];
    private readonly Dictionary<string, string> cameras = [];
    private readonly List<string> state = [];

    private FitCheck(PolicyNeeds needs, ClientShape client, NameMap names) => (this.needs, this.client, this.names) = (needs, client, names);

    /// <summary>What was found, line by line.</summary>
    public IReadOnlyList<FitLine> Lines => lines;

    /// <summary>From the policy's camera to the client's.</summary>
    public IReadOnlyDictionary<string, string> Cameras => cameras;

    /// <summary>The client's vectors that make the state, in order.</summary>
    public IReadOnlyList<string> State => state;

    /// <summary>Whether nothing that the policy needs is missing, and nothing is guessed where guessing is refused.</summary>
    public bool Fits => lines.All(l => l.Kind != FitKind.Missing && !(names.Strict && l.Kind == FitKind.Guessed));

    /// <summary>Holds a client against a policy.</summary>
    /// <param name="needs">What the policy reads.</param>
    /// <param name="client">What the client sends.</param>
    /// <param name="names">What the user says.</param>
    /// <param name="actionNames">What the numbers of an action are; not looked at when null.</param>
    /// <param name="horizon">Rows of a chunk that are sent; all when null.</param>
    public static FitCheck Of(PolicyNeeds needs, ClientShape client, NameMap? names = null, IReadOnlyList<string>? actionNames = null, int? horizon = null)
    {
        ArgumentNullException.ThrowIfNull(needs);
        ArgumentNullException.ThrowIfNull(client);
        var check = new FitCheck(needs, client, names ?? new NameMap());
        check.FindCameras();
        check.FindState();
        check.FindWords();
        if (actionNames is not null)
        {
            check.FindActions(actionNames, Math.Min(horizon ?? needs.Horizon, needs.Horizon));
        }

        return check;
    }

    /// <summary>An observation under the policy's names.</summary>
    /// <exception cref="VitrineException">Something that the policy needs is missing, or would be guessed where that is refused.</exception>
    public Observation Read(WireObservation seen)
    {
        ArgumentNullException.ThrowIfNull(seen);
        if (!Fits)
        {
            throw new VitrineException($"observation: {string.Join("; ", lines
                .Where(l => l.Kind == FitKind.Missing || (names.Strict && l.Kind == FitKind.Guessed)).Select(l => $"{l.What}: {l.Why}"))}.");
        }

        var pictures = cameras.ToDictionary(c => c.Key, c => seen.Cameras.First(s => s.Key == c.Value).Value);
        double[] numbers = [.. state.SelectMany(s => seen.States.First(v => v.Key == s).Value)];
        if (numbers.FirstOrDefault(v => !double.IsFinite(v)) is var wrong && !double.IsFinite(wrong))
        {
            throw new VitrineException("observation: a number of the state is not finite.");
        }

        var instruction = seen.Instruction ?? names.Instruction ?? "";
        return new Observation(pictures, instruction)
        {
            State = numbers.Length == 0 ? new Dictionary<string, StateVector>() : new Dictionary<string, StateVector> { ["state"] = new(numbers) },
        };
    }

    /// <summary>A name without folders and without the word image.</summary>
    public static string Short(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var bare = Prefixes.FirstOrDefault(p => name.StartsWith(p, StringComparison.Ordinal)) is { } prefix ? name[prefix.Length..] : name;
        return bare[(bare.LastIndexOf('/') + 1)..];
    }

    private static string Plain(string name)
    {
        var bare = Short(name).ToLowerInvariant().Replace("_image", "", StringComparison.Ordinal).Replace("image_", "", StringComparison.Ordinal)
            .Replace("_rgb", "", StringComparison.Ordinal);
        return bare.Length == 0 ? "image" : bare;
    }

    private static bool IsWrist(string name) => Wrists.Any(w => name.Contains(w, StringComparison.OrdinalIgnoreCase));

    private void FindCameras()
    {
        var left = client.Cameras.ToList();
        if (needs.Cameras.Count == 0 && names.Cameras.Count == 0)
        {
            foreach (var camera in client.Cameras)
            {
                Take(Short(camera.Name), camera, FitKind.Fits, "the policy takes pictures of any camera, wrist cameras last");
            }

            if (client.Cameras.Count == 0)
            {
                lines.Add(new FitLine(FitKind.Missing, "camera", "the client sends no picture"));
            }

            return;
        }

        string[] wanted = needs.Cameras.Count > 0 ? [.. needs.Cameras] : [.. names.Cameras.Keys];
        foreach (var camera in wanted.Where(names.Cameras.ContainsKey))
        {
            if (left.Find(c => c.Name == names.Cameras[camera] || Short(c.Name) == names.Cameras[camera]) is { } said)
            {
                Take(camera, said, FitKind.Fits, $"is {said.Name}, as was said");
            }
            else
            {
                Miss(camera, $"the client has no camera '{names.Cameras[camera]}', as was said; it has {All(client.Cameras.Select(c => c.Name))}");
            }
        }

        foreach (var camera in Open())
        {
            if (left.Find(c => Short(c.Name) == camera || Plain(c.Name) == Plain(camera)) is { } found)
            {
                Take(camera, found, FitKind.Fits, $"is {found.Name}");
            }
        }

        if (Open() is [var one] && wanted.Length == 1 && client.Cameras is [var sole])
        {
            Take(one, sole, FitKind.Fits, $"is {sole.Name}, the only picture");
        }

        foreach (var wrist in (bool[])[false, true])
        {
            var alike = left.Where(c => IsWrist(c.Name) == wrist).ToArray();
            if (Open().Where(c => IsWrist(c) == wrist).ToArray() is [var open] && (alike.Length == 1 || (needs.ReadsOnePicture && alike.Length > 0)))
            {
                Take(open, alike[0], FitKind.Guessed, $"would be {alike[0].Name}, the {(alike.Length == 1 ? "only" : "first")} "
                    + $"{(wrist ? "camera on a wrist" : "camera on no wrist")} that is left; say it with --camera {open}={alike[0].Name}");
            }
        }

        if (Open() is [var last] && left is [var only])
        {
            Take(last, only, FitKind.Guessed, $"would be {only.Name}, the only camera that is left; say it with --camera {last}={only.Name}");
        }

        foreach (var camera in Open())
        {
            var why = left.Count == 0 ? "the client sends no further picture" : $"none of the client's {All(left.Select(c => c.Name))} is called so";
            Miss(camera, needs.NeedsEveryCamera || cameras.Count == 0 ? why : $"{why}; the policy acts without it, as it was perhaps never trained to");
        }

        lines.AddRange(left.Select(c => new FitLine(FitKind.Unused, $"picture {c.Name}", "the policy does not read it")));

        string[] Open() => [.. wanted.Where(c => !cameras.ContainsKey(c) && lines.All(l => l.What != $"camera {c}"))];

        void Take(string camera, ClientCamera found, FitKind kind, string why)
        {
            cameras[camera] = found.Name;
            left.Remove(found);
            lines.Add(new FitLine(kind, $"camera {camera}", found.Height == 0 ? why : $"{why}, {found.Height} x {found.Width} pixels"));
        }

        void Miss(string camera, string why)
            => lines.Add(new FitLine(needs.NeedsEveryCamera || cameras.Count == 0 ? FitKind.Missing : FitKind.Unknown, $"camera {camera}", why));
    }

    private void FindState()
    {
        if (needs.StateWidth == 0)
        {
            lines.AddRange(client.States.Select(s => new FitLine(FitKind.Unused, $"state {s.Name}", "the policy reads no state")));
            return;
        }

        var what = $"state of {needs.StateWidth} numbers";
        var meaning = needs.StateNames.Count > 0 ? $" ({string.Join(", ", needs.StateNames)})" : "";
        if (names.State.Count > 0)
        {
            var said = names.State.Select(n => client.States.FirstOrDefault(s => s.Name == n || Short(s.Name) == n)).ToArray();
            Settle(said, said.Contains(null)
                ? $"the client has no vector '{names.State[Array.IndexOf(said, null)]}', as was said; it has {All(client.States.Select(s => s.Name))}"
                : null, "as was said", FitKind.Fits);
        }
        else if (client.States.Where(s => s.Width == needs.StateWidth && Short(s.Name) is ("state" or "states")).ToArray() is [var named])
        {
            Settle([named], null, "by its name", FitKind.Fits);
        }
        else if (client.States.Where(s => s.Width == needs.StateWidth).ToArray() is [var only])
        {
            Settle([only], null, client.States.Count == 1 ? "the only vector" : "the only vector of this width", FitKind.Guessed);
        }
        else if (client.States.Count > 1 && client.States.Sum(s => s.Width) == needs.StateWidth)
        {
            Settle([.. client.States], null, $"one behind the other; say the order with --state {string.Join(',', client.States.Select(s => s.Name))}",
                FitKind.Guessed);
        }
        else
        {
            lines.Add(new FitLine(FitKind.Missing, what + meaning, client.States.Count == 0
                ? "the client sends no state"
                : $"the client sends {All(client.States.Select(s => $"{s.Name} [{s.Width}]"))}"));
        }

        lines.AddRange(client.States.Where(s => !state.Contains(s.Name))
            .Select(s => new FitLine(FitKind.Unused, $"state {s.Name}", "the policy does not read it")));
        if (state.Count > 0 && needs.StateNames.Count == 0)
        {
            lines.Add(new FitLine(FitKind.Unknown, "order of the state", "no file of the policy says what its numbers are, and in which units"));
        }

        void Settle(ClientState?[] found, string? error, string why, FitKind kind)
        {
            var width = found.Sum(s => s?.Width ?? 0);
            if (error is null && width != needs.StateWidth)
            {
                error = $"{string.Join(" + ", found.Select(s => s!.Name))} are {width} numbers";
            }

            if (error is null)
            {
                state.AddRange(found.Select(s => s!.Name));
            }

            lines.Add(new FitLine(error is null ? kind : FitKind.Missing, what + meaning,
                error ?? $"{(kind == FitKind.Guessed ? "would be" : "is")} {string.Join(" + ", state)}, {why}"));
        }
    }

    private void FindWords()
    {
        if (!needs.ReadsWords)
        {
            return;
        }

        lines.Add(client.HasInstruction ? new FitLine(FitKind.Fits, "instruction", "comes with every request")
            : names.Instruction is { } said ? new FitLine(FitKind.Fits, "instruction", $"is always '{said}', as was said")
            : new FitLine(FitKind.Missing, "instruction", "the client does not say what the robot is to do; say it with --instruction"));
    }

    private void FindActions(IReadOnlyList<string> actions, int rows)
    {
        var own = $"{actions.Count} numbers ({string.Join(", ", actions)})";
        lines.Add(client.ActionWidth is not { } width
            ? new FitLine(FitKind.Unknown, "action", $"the policy says {own}; what the client carries out is not known")
            : width == actions.Count ? new FitLine(FitKind.Fits, "action", $"{own}, as the client carries out")
            : new FitLine(FitKind.Missing, "action", $"the policy says {own}; the client carries out {width}"));
        lines.Add(client.ActionUnits.Length > 0
            ? new FitLine(FitKind.Unknown, "units of the action",
                $"the client takes {client.ActionUnits}; the policy answers in the units of its training data")
            : new FitLine(FitKind.Unknown, "units of the action", "nobody says them on the wire; the policy answers in the units of its training data"));
        lines.Add(client.Chunk is not { } wanted ? new FitLine(FitKind.Fits, "chunk", $"{rows} control steps; the client takes what it gets")
            : wanted <= rows ? new FitLine(FitKind.Fits, "chunk", $"{rows} control steps, of which the client wants {wanted}"
                + (wanted < rows ? $"; --horizon {wanted} sends no more" : ""))
            : new FitLine(FitKind.Missing, "chunk", $"{rows} control steps; the client wants {wanted}"));
        if (client.Replan is { } replan)
        {
            lines.Add(replan <= rows ? new FitLine(FitKind.Fits, "steps between requests", $"{replan} of {rows}")
                : new FitLine(FitKind.Missing, "steps between requests", $"the client carries out {replan}; a chunk has {rows}"));
        }

        lines.Add(client.Rate is { } rate
            ? new FitLine(FitKind.Unknown, "rate", FormattableString.Invariant(
                $"the client runs at {rate:0.###} Hz, a chunk lasts {rows / rate:0.##} s; the policy's files do not say its rate"))
            : new FitLine(FitKind.Unknown, "rate", "neither says how many control steps a second"));
    }

    private static string All(IEnumerable<string> names) => string.Join(", ", names) is { Length: > 0 } all ? all : "none";
}
