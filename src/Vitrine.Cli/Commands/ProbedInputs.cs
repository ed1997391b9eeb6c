using System.CommandLine;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Probes;
using Vitrine.Policies;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Cli.Commands;

/// <summary>
/// What activations are read of, spelled alike by <c>probe</c> and <c>geometry</c>: labelled texts, a folder of pictures for each class, a policy's situations.
/// </summary>
internal sealed class ProbedInputs(int drawn)
{
    private readonly Option<string?> texts = new("--texts")
    {
        Description = "Of a text model: labelled texts, a table with tabs and the columns label and text, or a .jsonl file with those keys.",
    };
    private readonly Option<ProbePosition?> at = new("--at")
    {
        Description = "Which positions: last (texts by default), first, mean (pictures by default), token (each by itself); policies where they decide.",
    };
    private readonly Option<string> point = new("--point") { Description = "Which point of the blocks.", DefaultValueFactory = _ => "resid_post" };
    private readonly Option<string?> units = UnitsOption.Create();

    /// <summary>Where situations of a policy, and pictures, come from.</summary>
    public StateOptions States { get; } = new(drawn)
    {
        PicturesAre = "Of an image encoder: a folder with a folder of pictures for each class. Of a policy: pictures to decide on, with --instruction.",
    };

    /// <summary><c>--units</c>, which goes with policies.</summary>
    public Option<string?> Units => units;

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[texts, at, point, units])
        {
            command.Add(option);
        }

        States.AddTo(command);
    }

    /// <summary>The point of the blocks.</summary>
    public string Point(ParseResult parsed) => parsed.GetValue(point)!;

    /// <summary>Refuses options of another kind of model.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="model">Whose kind.</param>
    /// <param name="textsAlone">Options of the verb for texts alone.</param>
    /// <param name="policiesAlone">Options of the verb for policies alone.</param>
    /// <exception cref="VitrineException">One is given.</exception>
    public void RefuseOthers(ParseResult parsed, Model model, IReadOnlyList<Option> textsAlone, IReadOnlyList<Option> policiesAlone)
    {
        Option[] ofTexts = [texts, .. textsAlone], ofPolicies = [.. policiesAlone, units, .. States.OfSituations];
        var (what, others) = model switch
        {
            TextModel => ("a text model", ofPolicies.Append(States.PicturesOption)),
            VisionModel => ("an image encoder", ofTexts.Concat(ofPolicies)),
            _ => ("a policy", ofTexts),
        };
        if (others.FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false }) is { } wrong)
        {
            throw new VitrineException($"{wrong.Name}: {model.Name} is {what}, which does not take it.");
        }
    }

    /// <summary>What a model of this kind is shown.</summary>
    /// <exception cref="VitrineException">It is not named, cannot be read, or does not suit the model.</exception>
    public ProbedExamples Of(ParseResult parsed, Model model) => model switch
    {
        TextModel text => OfTexts(parsed, text),
        VisionModel vision => OfPictures(parsed, vision),
        _ => OfPolicy(parsed, (Policy)model),
    };

    /// <summary>A position in words.</summary>
    public static string Spelled(ProbePosition place) => place switch
    {
        ProbePosition.Last => "the last token",
        ProbePosition.First => "the first token",
        ProbePosition.Mean => "the mean over tokens",
        ProbePosition.Token => "every token",
        _ => "the deciding position",
    };

    private ProbedExamples OfTexts(ParseResult parsed, TextModel model)
    {
        var file = parsed.GetValue(texts)
            ?? throw new VitrineException($"{model.Name}: is a text model; name what it reads with --texts FILE (columns label and text).");
        var labelled = LabelledTexts.Read(file);
        return new(
            parsed.GetValue(at) ?? ProbePosition.Last, $"{labelled.Count} texts", [.. labelled.Select(t => t.Text)], [.. labelled.Select(t => t.Label)])
        {
            File = file,
        };
    }

    private ProbedExamples OfPictures(ParseResult parsed, VisionModel model)
    {
        var folder = States.Pictures(parsed)
            ?? throw new VitrineException(
                $"{model.Name}: is an image encoder; name what it sees with --pictures DIR, which holds a folder of pictures for each class.");
        var seen = PicturesByClass(folder);
        return new(
            parsed.GetValue(at) ?? ProbePosition.Mean, $"{seen.Count} pictures", [.. seen.Select(s => s.File)], [.. seen.Select(s => s.Class)])
        {
            File = folder,
        };
    }

    private ProbedExamples OfPolicy(ParseResult parsed, Policy model)
    {
        if (parsed.GetValue(at) is not (null or ProbePosition.Deciding))
        {
            throw new VitrineException($"--at is {Spelled(parsed.GetValue(at)!.Value)}; a policy is probed where it decides.");
        }

        var source = States.Source(parsed, model);
        var observations = source.ForTest(States.Count(parsed) ?? (source.IsDrawn ? drawn : null));
        string[] said = [.. observations.Select(o => o.Instruction)];
        return new(ProbePosition.Deciding, $"{observations.Count} situations, {said.Distinct().Count()} instructions", said, [])
        {
            Observations = observations,
            Units = parsed.GetValue(units),
        };
    }

    private static List<(string Class, string File)> PicturesByClass(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new VitrineException($"{folder}: there is no such folder; expected one with a folder of pictures for each class.");
        }

        var seen = Directory.GetDirectories(folder).Order(StringComparer.Ordinal)
            .SelectMany(d => Directory.GetFiles(d).Where(Policies.Observations.IsPicture).Order(StringComparer.Ordinal)
                .Select(f => (Path.GetFileName(d), f))).ToList();
        return seen.Count > 0
            ? seen
            : throw new VitrineException($"{folder}: no folder in it holds a picture; expected PNG or JPEG files in a folder for each class.");
    }
}

/// <summary>What a model is shown.</summary>
/// <param name="At">Where it is read.</param>
/// <param name="What">How much of what, in words.</param>
/// <param name="Shown">Texts, picture files, or instructions.</param>
/// <param name="Labels">One each; none of a policy's situations.</param>
internal sealed record ProbedExamples(ProbePosition At, string What, IReadOnlyList<string> Shown, IReadOnlyList<string> Labels)
{
    /// <summary>The file or folder that they come from; empty where a world drew them.</summary>
    public string File { get; init; } = "";

    /// <summary>Of a policy.</summary>
    public IReadOnlyList<Observation> Observations { get; init; } = [];

    /// <summary>The units of a policy's actions; its own where null.</summary>
    public string? Units { get; init; }

    /// <summary>Reads activations.</summary>
    /// <returns>Owned by the caller.</returns>
    /// <exception cref="VitrineException">The model lacks the point, or the positions.</exception>
    public ProbeActivations Read(Model model, string point, IProgress<double> progress, CancellationToken cancellation)
    {
        switch (model)
        {
            case TextModel text:
                return ProbeActivations.OfTexts(text, Shown, At, point, progress: progress, cancellation: cancellation);
            case VisionModel vision:
                return ProbeActivations.OfPictures(vision, Shown, At, point, progress, cancellation);
            default:
                using (var acting = ((Policy)model).With(units: Units))
                {
                    return ProbeActivations.OfPolicy(acting, Observations, point, progress: progress, cancellation: cancellation);
                }
        }
    }

    /// <summary>The model on some of the examples, of which a metric is asked, and what it keeps alive.</summary>
    /// <param name="model">Whose kind they are.</param>
    /// <param name="chosen">Which, from 0.</param>
    public (Subject Subject, IDisposable? Owned) On(Model model, IReadOnlyList<int> chosen)
    {
        switch (model)
        {
            case TextModel text:
                return (Subject.Of(text, [.. chosen.Select(i => Shown[i])]), null);
            case VisionModel vision:
                Tensor pixels = PictureBatch.Read(vision, [.. chosen.Select(i => Shown[i])]);
                return (Subject.Of(vision, pixels), pixels);
            default:
                var acting = ((Policy)model).With(units: Units);
                return (Subject.Of(acting, [.. chosen.Select(i => Observations[i])]), acting);
        }
    }
}
