using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Serving.Fit;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Wire;
using Vitrine.Transformers;

namespace Vitrine.Serving.Protocols;

/// <summary>Turns the map of a message into a request: pictures, vectors and words by what they are, fields of Vitrine's own by their names.</summary>
/// <param name="host">Whose needs decide.</param>
/// <param name="session">Whose requests are read.</param>
/// <param name="options">What the user said.</param>
/// <remarks>
/// Everything that can be a picture is a camera, every other array of numbers a vector, one level of maps is looked into. One reader serves one session: it
/// remembers what fitted, and looks again, and tells the server's user, where names or sizes change.
/// </remarks>
internal sealed class ObservationReader(PolicyHost host, HostSession session, ServerOptions options)
{
    /// <summary>Fields that unmodified clients do not send.</summary>
    public const string Seed = "vitrine/seed", Noise = "vitrine/noise", Edits = "vitrine/edits", Report = "vitrine/report", TextKeys = "vitrine/text_keys";

    private const string Session = "vitrine/session", Omni = "session_id";
    private const int LongestCaller = 256;

    private const int KeptPlans = 8;
    private static readonly string[] Words = ["prompt", "instruction", "task_description", "task", "language", "language_instruction"];
    private readonly List<(string Text, RunPlan Plan)> plans = [];
    private ClientShape? shape;
    private FitCheck? fit;

    /// <summary>Reads a request.</summary>
    /// <param name="map">The observation.</param>
    /// <param name="came">When its message was there, by the host's clock.</param>
    /// <param name="units">In whose units it asks; null for the model's own.</param>
    /// <exception cref="VitrineException">Something is missing or broken.</exception>
    public ServedRequest Read(WireMap map, long came, string? units = null)
    {
        var seen = Seen(map, options.Limits);
        var found = seen.Shape;
        if (fit is null || !found.IsLike(shape!))
        {
            (shape, fit) = (found, FitCheck.Of(host.Model.Needs, found, options.Names, host.Model.ActionNames, options.Horizon));
            foreach (var line in fit.Lines.Where(l => l.Kind is FitKind.Guessed or FitKind.Missing or FitKind.Unused))
            {
                options.Say?.Invoke($"{session.Name}: {line.Kind.ToString().ToLowerInvariant()}: {line.What}: {line.Why}");
            }
        }

        if ((map[Session] ?? map[Omni]) is { } caller)
        {
            session.Call(caller is string { Length: > 0 and <= LongestCaller } name ? name
                : throw new WireException($"'{(map.Has(Session) ? Session : Omni)}' is no text of 1 to {LongestCaller} letters."));
        }

        return new ServedRequest
        {
            Seen = fit.Read(seen),
            Seed = (map[Seed] ?? map["seed"]) switch
            {
                null => null,
                long seed => seed,
                _ => throw new WireException($"'{(map.Has(Seed) ? Seed : "seed")}' is no whole number."),
            },
            Noise = map[Noise] is { } noise ? NoiseOf(noise) : null,
            Edits = map[Edits] is { } edits ? PlanOf(edits) : null,
            Units = units ?? options.Units,
            Came = came,
        };
    }

    /// <summary>Whether a request asks for Vitrine's own field in the answer.</summary>
    public static bool WantsReport(WireMap map) => map[Report] is true || map.Has(Seed) || map.Has(Noise) || map.Has(Edits);

    /// <summary>Pictures, vectors and words of a message.</summary>
    public static WireObservation Seen(WireMap map, WireLimits limits)
    {
        var (cameras, states) = (new List<KeyValuePair<string, Picture>>(), new List<KeyValuePair<string, double[]>>());
        string? instruction = null;
        foreach (var (key, value) in map)
        {
            Take(key, value, deep: true);
        }

        return new WireObservation { Cameras = cameras, States = states, Instruction = instruction };

        void Take(string key, object? value, bool deep)
        {
            switch (value)
            {
                case var _ when key.StartsWith("vitrine/", StringComparison.Ordinal):
                    break;
                case Picture picture:
                    cameras.Add(new(key, picture));
                    break;
                case WireArray array when array.IsPicture:
                    cameras.Add(new(key, array.ToPicture(key, limits)));
                    break;
                case WireArray { Dtype.Kind: not 'b', Count: > 0 and <= 4096 } array:
                    states.Add(new(key, array.ToDoubles()));
                    break;
                case string text when Words.Contains(FitCheck.Short(key)) || key.StartsWith("annotation.", StringComparison.Ordinal):
                    instruction ??= text;
                    break;
                case List<object?> list when FirstText(list) is { } text
                    && (Words.Contains(FitCheck.Short(key)) || key.StartsWith("annotation.", StringComparison.Ordinal)):
                    instruction ??= text;
                    break;
                case List<object?> { Count: <= 4096 } list when Numbers(list) is { } numbers:
                    states.Add(new(key, numbers));
                    break;
                case WireMap inner when deep:
                    foreach (var (name, entry) in inner)
                    {
                        Take($"{key}/{name}", entry, deep: false);
                    }

                    break;
            }
        }
    }

    /// <summary>The numbers of a list of nothing else; null for anything else, and for an empty list.</summary>
    public static double[]? Numbers(object? value)
        => value is List<object?> { Count: > 0 } list && list.TrueForAll(v => v is double or long)
            ? [.. list.Select(v => v is long whole ? whole : (double)v!)] : null;

    private static string? FirstText(object? value) => value switch
    {
        string text => text,
        List<object?> { Count: > 0 } list => FirstText(list[0]),
        _ => null,
    };

    private static ActNoise NoiseOf(object noise)
    {
        var array = noise as WireArray ?? throw new WireException($"'{Noise}' is no array.");
        using var scope = TorchSharp.torch.NewDisposeScope();
        return ActNoise.Of(TorchSharp.torch.tensor(array.ToDoubles().Select(v => (float)v).ToArray(), [.. array.Shape]));
    }

    /// <summary>A plan out of its JSON: the same text gives the same object, so that it is bound once.</summary>
    private RunPlan PlanOf(object edits)
    {
        var text = edits as string ?? throw new WireException($"'{Edits}' is no text; it holds a plan as JSON.");
        var at = plans.FindIndex(p => p.Text == text);
        var found = at >= 0 ? plans[at] : (text, RunPlan.FromJson(text, Edits));
        if (at >= 0 || plans.Count == KeptPlans)
        {
            plans.RemoveAt(at >= 0 ? at : plans.Count - 1);
        }

        plans.Insert(0, found);
        return found.Item2;
    }
}
