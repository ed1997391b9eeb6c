using System.CommandLine;
using System.Globalization;
using Vitrine.Mechanisms.Patching;

namespace Vitrine.Cli.Commands;

/// <summary>What <c>vitrine patch</c> is asked, besides where a policy's situations come from.</summary>
internal sealed class PatchArguments
{
    private static readonly string[] Methods = ["activation", "attribution", "tracing", "path", "ablate"];

    private readonly Option<string[]> clean = new("--clean")
    {
        Description = "A prompt, or of an image encoder a picture; several make pairs with --corrupted.",
    };
    private readonly Option<string[]> corrupted = new("--corrupted") { Description = "The same changed, of the same length." };
    private readonly Option<string?> word = new("--word") { Description = "Of a policy: clean is the instruction with this word, corrupted without it." };
    private readonly Option<string?> against = new("--against") { Description = "With --word: corrupted is the instruction with this word instead." };
    private readonly Option<string> metric = new("--metric")
    {
        Description = "What is measured: logit:WORD, logit_difference:A/B, probability:WORD, log_probability:WORD, loss, speed, dz, ...; @N says where.",
        Required = true,
    };
    private readonly Option<string> method = new("--method")
    {
        Description = $"{string.Join(", ", Methods)}.",
        DefaultValueFactory = _ => Methods[0],
    };
    private readonly Option<string[]> point = Listed("--point", "Points of blocks, e.g. resid_pre, attn.out, mlp.out, z, q, k, v, pattern, neurons.");
    private readonly Option<string[]> by = Listed("--by",
        "What cells are counted over besides layers: position, head, neuron, step, group. Layers alone by default.");
    private readonly Option<bool> noise = new("--noise") { Description = "Put the corrupted activation into the clean run." };
    private readonly Option<bool> ungrouped = new("--ungrouped") { Description = "Heads of k and v are those of queries: one alone sees what is patched." };
    private readonly Option<int> window = new("--window") { Description = "Layers that a cell patches together.", DefaultValueFactory = _ => 1 };
    private readonly Option<string?> layers = new("--layers") { Description = "Layers, e.g. 0-3,7; all by default." };
    private readonly Option<string?> positions = new("--positions") { Description = "Positions, e.g. 2-5,-1; all by default." };
    private readonly Option<string?> heads = new("--heads") { Description = "Heads; all by default." };
    private readonly Option<string?> neurons = new("--neurons") { Description = "Coordinates of the last axis; all by default." };
    private readonly Option<string?> steps = new("--steps") { Description = "Said tokens or flow steps; all by default." };
    private readonly Option<string[]> groups = Listed("--groups", "Groups of positions of a policy: image, text, state, deciding, deciding.K.");
    private readonly Option<PatchWith> with = new("--with")
    {
        Description = "With --method ablate: zero, mean or resample.",
        DefaultValueFactory = _
        => PatchWith.Zero
    };
    private readonly Option<string?> subject = new("--subject") { Description = "With --method tracing: positions whose embeddings are noised." };
    private readonly Option<double?> deviation = new("--deviation")
    {
        Description = "With --method tracing: of the noise; 3 times that of the embeddings by default.",
    };
    private readonly Option<int> samples = new("--samples") { Description = "With --method tracing: noised runs.", DefaultValueFactory = _ => 10 };
    private readonly Option<string[]> into = Listed("--into", "With --method path: what of later heads reads it: q, k, v; q by default.");
    private readonly Option<bool> throughMlps = new("--through-mlps") { Description = "With --method path: feed-forwards in between pass it on." };
    private readonly Option<AttributionPath> along = new("--integrate")
    {
        Description = "With --method attribution: none, inputs or activations: where gradients are taken between the runs.",
    };
    private readonly Option<int> pathSteps = new("--integration-steps")
    {
        Description = "With --integrate: how many gradients.",
        DefaultValueFactory = _
        => 16
    };
    private readonly Option<double?> memory = new("--memory") { Description = "Megabytes that it may take; half of what is free by default." };
    private readonly Option<bool> plan = new("--plan") { Description = "Print cells, cost and memory, and run nothing." };
    private readonly Option<string?> resume = new("--resume")
    {
        Description = "File of cells that are done: read where it exists, written as the sweep goes on.",
    };
    private readonly Option<string?> page = new("--page") { Description = "HTML file with heat maps." };
    private readonly Option<int> top = new("--top") { Description = "Cells to print.", DefaultValueFactory = _ => 20 };

    public Argument<string> Model { get; } = ModelArgument.Completed(new Argument<string>("MODEL")
    {
        Description = "A text model, an image encoder or a policy: a folder, a .gguf file, ORG/NAME in the local cache, or an embedded one.",
    });

    public void AddTo(Command command)
    {
        foreach (var option in new Option[]
        {
            clean, corrupted, word, against, metric, method, point, by, noise, ungrouped, window, layers, positions, heads, neurons, steps, groups, with,
                subject, deviation,
            samples, into, throughMlps, along, pathSteps, memory, plan, resume, page, top,
        })
        {
            command.Add(option);
        }
    }

    public IReadOnlyList<string> Clean(ParseResult parsed) => parsed.GetValue(clean) ?? [];

    public IReadOnlyList<string> Corrupted(ParseResult parsed) => parsed.GetValue(corrupted) ?? [];

    public string? Word(ParseResult parsed) => parsed.Word(word);

    public string? Against(ParseResult parsed) => parsed.Word(against);

    public string Metric(ParseResult parsed) => parsed.GetValue(metric)!;

    public string? Page(ParseResult parsed) => parsed.GetValue(page);

    public bool IsPlanned(ParseResult parsed) => parsed.GetValue(plan);

    public int Top(ParseResult parsed)
        => parsed.GetValue(top) is >= 1 and var count ? count : throw new VitrineException($"--top is {parsed.GetValue(top)}; expected at least 1.");

    public string Method(ParseResult parsed) => parsed.GetValue(method) is { } asked && Methods.Contains(asked)
        ? asked
        : throw new VitrineException($"--method is '{parsed.GetValue(method)}'; expected one of {string.Join(", ", Methods)}.");

    public PatchOptions Options(ParseResult parsed) => new()
    {
        Memory = parsed.GetValue(memory) is { } megabytes
            ? megabytes > 0 && double.IsFinite(megabytes) ? (long)(megabytes * 1e6) : throw new VitrineException("--memory: expected a number above 0.")
            : null,
        Resume = parsed.GetValue(resume),
    };

    public PatchSweep Sweep(ParseResult parsed) => new()
    {
        Points = Output.List(parsed.GetValue(point)) is { Length: > 0 } points ? points : ["resid_pre"],
        By = [.. Output.List(parsed.GetValue(by)).Where(b => b != "layer").Select(Axis)],
        Noise = parsed.GetValue(noise),
        Ungrouped = parsed.GetValue(ungrouped),
        Window = parsed.GetValue(window),
        Layers = Numbers("--layers", parsed.GetValue(layers)),
        Positions = Numbers("--positions", parsed.GetValue(positions)),
        Heads = Numbers("--heads", parsed.GetValue(heads)),
        Neurons = Numbers("--neurons", parsed.GetValue(neurons)),
        Steps = Numbers("--steps", parsed.GetValue(steps)),
        Groups = Output.List(parsed.GetValue(groups)) is { Length: > 0 } named ? named : null,
        With = Method(parsed) == "ablate" ? parsed.GetValue(with) : PatchWith.Other,
        Seed = Seed(parsed),
    };

    public PathSweep Paths(ParseResult parsed) => new()
    {
        Into = Output.List(parsed.GetValue(into)) is { Length: > 0 } readers ? readers : ["q"],
        From = Numbers("--layers", parsed.GetValue(layers)),
        ThroughMlps = parsed.GetValue(throughMlps),
        Noise = parsed.GetValue(noise),
    };

    public AttributionOptions Attribution(ParseResult parsed) => new()
    {
        Path = parsed.GetValue(along),
        Steps = parsed.GetValue(pathSteps),
        Memory = Options(parsed).Memory,
        Resume = parsed.GetValue(resume),
    };

    public TracingNoise Noise(ParseResult parsed)
        => new(Numbers("--subject", parsed.GetValue(subject)) ?? throw new VitrineException("--method tracing needs --subject POSITIONS, e.g. --subject 0-2."))
        {
            Deviation = parsed.GetValue(deviation),
            Samples = parsed.GetValue(samples),
            Seed = Seed(parsed),
        };

    private static int Seed(ParseResult parsed) => (int)parsed.GetValue<ulong>("--seed");

    private static PatchAxis Axis(string name) => Enum.TryParse<PatchAxis>(name, ignoreCase: true, out var axis) && !char.IsAsciiDigit(name[0])
        ? axis
        : throw new VitrineException($"--by: '{name}' is unknown; known are layer (always counted over), position, head, neuron, step, group.");

    /// <summary>Whole numbers and ranges: <c>0-3,7,-1</c>.</summary>
    private static int[]? Numbers(string option, string? text)
    {
        return text is null ? null : [.. Output.List([text]).SelectMany(Range)];

        IEnumerable<int> Range(string part)
        {
            var dash = part.IndexOf('-', 1);
            return dash > 0 && NeuronText.Whole(part[..dash]) is { } first && NeuronText.Whole(part[(dash + 1)..]) is { } last && first <= last
                ? Enumerable.Range(first, last - first + 1)
                : int.TryParse(part, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var one)
                    ? [one]
                    : throw new VitrineException($"{option} is '{text}'; '{part}' is no number and no range such as 0-3.");
        }
    }

    private static Option<string[]> Listed(string name, string says) => new(name) { Description = says, AllowMultipleArgumentsPerToken = true };
}
