using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Vitrine.Mechanisms.Doses;

namespace Vitrine.Worlds.Studies.Files;

/// <summary>
/// A study as it is written down before it runs: who acts, where, what is changed, what is measured and compared. Controls are not in it: they are added to
/// every edit (<see cref="StudyMaker"/>).
/// </summary>
public sealed record StudyFile
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>What it asks, in a sentence; null where nothing is said.</summary>
    public string? Question { get; init; }

    /// <summary>Who acts.</summary>
    public required PolicyChoice Policy { get; init; }

    /// <summary>Where.</summary>
    public required WorldChoice World { get; init; }

    /// <summary>Tasks of the world.</summary>
    public required IReadOnlyList<string> Tasks { get; init; }

    /// <summary>Layouts of each task.</summary>
    public required int Layouts { get; init; }

    /// <summary>Control steps of an episode at most.</summary>
    public required int Steps { get; init; }

    /// <summary>Decides all that is drawn.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Whether it chooses or reports.</summary>
    public required LayoutSplit Split { get; init; }

    /// <summary>Episodes in lock step.</summary>
    public required int Block { get; init; }

    /// <summary>Rows of each chunk that are carried out; as many as the checkpoint says when null.</summary>
    public int? ActionSteps { get; init; }

    /// <summary>Situations that edits and doses are made on; twice as many to calibrate on. None of them is a layout of the tests.</summary>
    public required int States { get; init; }

    /// <summary>Random draws of each control; at least <see cref="Study.FewestRandomDraws"/>.</summary>
    public required int Draws { get; init; }

    /// <summary>A word behind every instruction, in the baseline too.</summary>
    public string? Say { get; init; }

    /// <summary>What is changed, concept by concept.</summary>
    public required IReadOnlyList<StudyConcept> Concepts { get; init; }

    /// <summary>Names of measures (<see cref="Measure.All"/>); the first is what the study is about.</summary>
    public required IReadOnlyList<string> Measures { get; init; }

    /// <summary>What is decided beforehand; empty for every edit with every measure.</summary>
    public required IReadOnlyList<PlannedComparison> Comparisons { get; init; }

    /// <summary>Chance of a false claim, over all planned comparisons.</summary>
    public required double Alpha { get; init; }

    /// <summary>Looks before the end; null for one look.</summary>
    public SequentialLooks? Looks { get; init; }

    /// <summary>SHA-256 of the files that it names, by their names.</summary>
    public required IReadOnlyDictionary<string, string> Files { get; init; }

    /// <summary>Where the files lie that it names.</summary>
    [JsonIgnore]
    public string Folder { get; init; } = ".";

    /// <summary>The measure that the study is about.</summary>
    [JsonIgnore]
    public string Measure => Measures[0];

    /// <summary>
    /// SHA-256 of what it says and of the files that it names: another hash, another study. Order of keys, comments and quotes do not count.
    /// </summary>
    [JsonIgnore]
    public string Hash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ToJson())));

    /// <summary>What it says as JSON, its canonical form.</summary>
    public string ToJson() => RecordJson.Write(this);

    /// <summary>Reads a study file.</summary>
    /// <param name="path">YAML.</param>
    /// <exception cref="VitrineException">It cannot be read, or says what a study cannot: the line and what was expected.</exception>
    public static StudyFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > YamlNode.LargestFile and var bytes })
            {
                throw new VitrineException($"{path}: has {bytes} bytes; a study file has at most {YamlNode.LargestFile}.");
            }

            return Parse(File.ReadAllText(path), path, Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>Reads a study.</summary>
    /// <param name="text">YAML.</param>
    /// <param name="source">What to call it in errors.</param>
    /// <param name="folder">Where the files lie that it names.</param>
    /// <exception cref="VitrineException">It says what a study cannot: the line and what was expected.</exception>
    public static StudyFile Parse(string text, string source = "study", string folder = ".")
    {
        ArgumentNullException.ThrowIfNull(text);
        return new StudyFileReader(source, folder).Read(YamlNode.Read(text, source));
    }
}

/// <summary>Who acts in a study.</summary>
/// <param name="Name">A folder, a name, or an embedded policy.</param>
/// <param name="Fingerprint">Of its weights, at least the first 8 digits; null for any.</param>
/// <param name="Units">In whose units it answers; null where its checkpoint has one data set.</param>
public sealed record PolicyChoice(string Name, string? Fingerprint = null, string? Units = null);

/// <summary>Where a study takes place.</summary>
/// <param name="Name">Of a <see cref="WorldFamily"/>.</param>
/// <param name="Options">Of that world, by name, as they are written.</param>
public sealed record WorldChoice(string Name, IReadOnlyDictionary<string, string> Options);

/// <summary>A concept with all that is done for it; its conditions share controls.</summary>
/// <param name="Name">As in results.</param>
/// <param name="Words">What is said for it; the first makes mean differences. May be empty.</param>
/// <param name="Conditions">What is done.</param>
public sealed record StudyConcept(string Name, IReadOnlyList<string> Words, IReadOnlyList<StudyCondition> Conditions);

/// <summary>One thing that is done; exactly one of its kinds is there.</summary>
public sealed record StudyCondition
{
    /// <summary>Name of its arm.</summary>
    public required string Name { get; init; }

    /// <summary>What its random draws are called by; its name when null.</summary>
    public string? Label { get; init; }

    /// <summary>Neurons that are held at the dose, or pushed by it.</summary>
    public NeuronChoice? Neurons { get; init; }

    /// <summary>A component whose mean difference under the word is added: attention, feed-forward or residual.</summary>
    public string? Difference { get; init; }

    /// <summary>A vector that is added.</summary>
    public DirectionChoice? Direction { get; init; }

    /// <summary>A plan file.</summary>
    public string? Plan { get; init; }

    /// <summary>Edits, as a plan's JSON.</summary>
    public string? Edits { get; init; }

    /// <summary>A row of another word's prompt that an expert reads.</summary>
    public SwapChoice? Swap { get; init; }

    /// <summary>Layers of a mean difference; all when null.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary>How strongly.</summary>
    public required StudyDose Dose { get; init; }

    /// <summary>Whether neurons are pushed by the dose instead of held at it.</summary>
    public required bool Adds { get; init; }

    /// <summary>When, and how strongly then; always when null.</summary>
    [JsonConverter(typeof(ScheduleAsJson))]
    public Schedule? Schedule { get; init; }
}

/// <summary>Which neurons; one of the four is there.</summary>
/// <param name="Concept">Those whose value vectors spell a concept.</param>
/// <param name="File">A YAML file of sets, with <paramref name="Set"/>.</param>
/// <param name="Set">A set of the file.</param>
/// <param name="List">Layers and indices.</param>
/// <param name="Writes">A direction of action, as +z: those of an expert that write it most.</param>
/// <param name="Count">How many of these.</param>
/// <param name="Stack">Whose neurons the list names; of the stack that decides when null.</param>
public sealed record NeuronChoice(
    string? Concept = null, string? File = null, string? Set = null, IReadOnlyList<IReadOnlyList<int>>? List = null, string? Writes = null, int Count = 10,
    string? Stack = null);

/// <summary>A vector of a file, and where it is added.</summary>
/// <param name="File">safetensors.</param>
/// <param name="Key">The tensor.</param>
/// <param name="At">Address.</param>
public sealed record DirectionChoice(string File, string Key, string At);

/// <summary>A row of the prompt that an expert reads as it is under another word.</summary>
/// <param name="Word">The other word.</param>
/// <param name="Layer">Of the expert; null for the one that carries it, chosen on selection states.</param>
public sealed record SwapChoice(string Word, int? Layer);

/// <summary>How strongly: one of the forms.</summary>
/// <param name="Amount">A number, deviations as +4sd, a quantile as q0.99, a multiple of the maximum as 2max; of other edits than neurons, a factor.</param>
/// <param name="Nats">The 95th percentile of the divergence to the unedited output.</param>
/// <param name="Motion">Mean change of the decided step's translation, in the world's lengths; 0 with <paramref name="AsWord"/>.</param>
/// <param name="AsWord">Whether it shall move as far as the word does.</param>
public sealed record StudyDose(string? Amount, double? Nats = null, double? Motion = null, bool AsWord = false)
{
    /// <summary>Whether it must be searched for.</summary>
    [JsonIgnore]
    public bool IsByEffect => Amount is null;
}

/// <summary>A comparison that was decided on beforehand.</summary>
/// <param name="Condition">Name of the arm.</param>
/// <param name="Measure">What is compared.</param>
/// <param name="Effect">The smallest change that would matter, in the measure's units; null where none is named.</param>
public sealed record PlannedComparison(string Condition, string Measure, double? Effect = null);

/// <summary>Looks at results before all layouts are done.</summary>
/// <param name="Count">How many, evenly spaced.</param>
/// <param name="Spending">How the chance of a false claim is spent over them.</param>
public sealed record SequentialLooks(int Count, Mechanisms.Statistics.Spending Spending);
