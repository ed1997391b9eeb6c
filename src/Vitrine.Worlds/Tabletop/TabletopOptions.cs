using System.Globalization;

namespace Vitrine.Worlds.Tabletop;

/// <summary>What can be chosen about the tabletop. As it stands it is the world that the shipped policies were trained and measured in.</summary>
public sealed record TabletopOptions
{
    /// <summary>Most <see cref="Distractors"/>: more find no place.</summary>
    public const int MostDistractors = 3;

    private const char Between = '+';

    /// <summary>How the table answers actions.</summary>
    public TabletopPhysics Physics { get; init; } = TabletopPhysics.Strict;

    /// <summary>Standard deviation of the camera's noise, of a channel that reaches from 0 to 1; 0 for none.</summary>
    public double SensorNoise { get; init; } = TabletopRenderer.SensorNoise;

    /// <summary>Whether instructions may say how fast and how high. Studies of a word start from instructions without one.</summary>
    public bool Adverbs { get; init; } = true;

    /// <summary>Objects beyond the three, of other colours and shapes; no instruction names them. At most <see cref="MostDistractors"/>.</summary>
    public int Distractors { get; init; }

    /// <summary>Multiplies the light of every layout; 1 for the light as it was drawn.</summary>
    public double Light { get; init; } = 1;

    /// <summary>Pixels by which all that the camera shows moves to the right.</summary>
    public double CameraX { get; init; }

    /// <summary>Pixels by which all that the camera shows moves down.</summary>
    public double CameraY { get; init; }

    /// <summary>Share of the picture that a grey square in front of the camera hides; it stands in a place of its own in each layout.</summary>
    public double Occlusion { get; init; }

    /// <summary>Combinations of colour and shape that <see cref="Combinations"/> is about.</summary>
    public IReadOnlyList<HeldOutCombination> HeldOut { get; init; } = [];

    /// <summary>Which instructions there are, of those that name a <see cref="HeldOut"/> combination and those that do not.</summary>
    public CombinationUse Combinations { get; init; }

    /// <summary>The tabletop in the list of worlds.</summary>
    public static WorldFamily Family { get; } = new("tabletop", settings =>
    {
        var options = Read(settings);
        return () => new TabletopWorld(options);
    })
    {
        Draw = (settings, seed, split, tasks, count) => TabletopStates.Draw(seed, split, tasks, count, Read(settings)),
        DrawForCalibration = (seed, count) => TabletopStates.ForCalibration(seed, count),
        Options = new Dictionary<string, string>
        {
            ["physics"] = "strict, or forgiving: a closed gripper grasps while it moves",
            ["adverbs"] = "true or false: whether instructions say how fast and how high",
            ["noise"] = "standard deviation of the camera's noise, 0 to 1 (.015)",
            ["distractors"] = "objects beyond the three, 0 to 3 (0)",
            ["light"] = "multiplies the light, .05 to 3 (1)",
            ["camera-x"] = "pixels that the picture moves to the right, -32 to 32 (0)",
            ["camera-y"] = "pixels that the picture moves down, -32 to 32 (0)",
            ["occlusion"] = "share of the picture behind a grey square, 0 to .9 (0)",
            ["held-out"] = "combinations of colour and shape with '+' between, e.g. red cone+crimson cube",
            ["combinations"] = "all, seen or held-out: which instructions there are",
        },
    };

    /// <summary>What decides how the world behaves, in one line; what is as usual is left out, but for the first three.</summary>
    internal string Description
    {
        get
        {
            List<string> parts =
            [
                $"tabletop, {Physics.Name} physics",
                string.Create(CultureInfo.InvariantCulture, $"sensor noise {SensorNoise}"),
                $"{(Adverbs ? "with" : "without")} adverbs",
            ];
            Add(Distractors > 0, $"{Distractors} distractors");
            Add(Light != 1, $"light {Light}");
            Add(CameraX != 0 || CameraY != 0, $"camera moved by ({CameraX}, {CameraY})");
            Add(Occlusion > 0, $"occlusion {Occlusion}");
            Add(Combinations != CombinationUse.All, $"{(Combinations == CombinationUse.Seen ? "never" : "always")} {string.Join(" or ", HeldOut)}");
            return string.Join(", ", parts);

            void Add(bool isThere, FormattableString text)
            {
                if (isThere)
                {
                    parts.Add(text.ToString(CultureInfo.InvariantCulture));
                }
            }
        }
    }

    /// <summary>Reads options as a study file or a command has them.</summary>
    /// <exception cref="VitrineException">One is unknown, or its value does not fit.</exception>
    public static TabletopOptions Of(IReadOnlyDictionary<string, string> options) => Read(new WorldSettings(Family.Name, options, Family.Options));

    /// <summary>The same as text: name to value, of all that is not as usual.</summary>
    public IReadOnlyDictionary<string, string> ToSettings()
    {
        var usual = new TabletopOptions();
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Add("physics", Physics.Name, usual.Physics.Name);
        Add("adverbs", Adverbs ? "true" : "false", "true");
        Add("noise", Number(SensorNoise), Number(usual.SensorNoise));
        Add("distractors", Number(Distractors), "0");
        Add("light", Number(Light), "1");
        Add("camera-x", Number(CameraX), "0");
        Add("camera-y", Number(CameraY), "0");
        Add("occlusion", Number(Occlusion), "0");
        Add("held-out", string.Join(Between, HeldOut), "");
        Add("combinations", NameOf(Combinations), NameOf(CombinationUse.All));
        return settings;

        void Add(string name, string value, string otherwise)
        {
            if (value != otherwise)
            {
                settings[name] = value;
            }
        }
    }

    /// <summary>The same options in one line, as <c>--world</c> takes them.</summary>
    public override string ToString() => ToSettings() is { Count: > 0 } settings
        ? $"{Family.Name}:{string.Join(',', settings.Select(s => $"{s.Key}={s.Value}"))}"
        : Family.Name;

    private static TabletopOptions Read(WorldSettings settings)
    {
        var usual = new TabletopOptions();
        var options = new TabletopOptions
        {
            Physics = settings.Choice("physics", "strict", "strict", "forgiving") == "strict" ? TabletopPhysics.Strict : TabletopPhysics.Forgiving,
            Adverbs = settings.Flag("adverbs", usual.Adverbs),
            SensorNoise = settings.Number("noise", usual.SensorNoise, 0, 1),
            Distractors = settings.Whole("distractors", 0, 0, MostDistractors),
            Light = settings.Number("light", 1, .05, 3),
            CameraX = settings.Number("camera-x", 0, -32, 32),
            CameraY = settings.Number("camera-y", 0, -32, 32),
            Occlusion = settings.Number("occlusion", 0, 0, .9),
            HeldOut = [.. (settings.Text("held-out") ?? "").Split(Between, StringSplitOptions.RemoveEmptyEntries).Select(HeldOutCombination.Parse)],
            Combinations = settings.Choice("combinations", "all", "all", "seen", "held-out") switch
            {
                "seen" => CombinationUse.Seen,
                "held-out" => CombinationUse.HeldOut,
                _ => CombinationUse.All,
            },
        };
        return options.Combinations == CombinationUse.All || options.HeldOut.Count > 0
            ? options
            : throw settings.Wrong("combinations", NameOf(options.Combinations), "'all', where the option 'held-out' names no combination");
    }

    private static string NameOf(CombinationUse use) => use switch { CombinationUse.Seen => "seen", CombinationUse.HeldOut => "held-out", _ => "all" };

    private static string Number(double value) => value.ToString(CultureInfo.InvariantCulture);
}
