using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Transformers;

namespace Vitrine.Worlds.Studies.Files;

/// <summary>From YAML to a study file, key by key; what nobody reads is refused.</summary>
/// <param name="source">The file, for errors.</param>
/// <param name="folder">Where the files lie that it names.</param>
internal sealed class StudyFileReader(string source, string folder)
{
    /// <summary>Names of the components of a mean difference.</summary>
    internal static readonly string[] Components = ["attention", "feed-forward", "residual"];

    private static readonly string[] Kinds = ["neurons", "difference", "direction", "plan", "edits", "swap"];

    private static readonly string[] Keys =
    [
        "study", "question", "policy", "world", "tasks", "layouts", "steps", "seed", "split", "block", "action_steps", "states", "say", "concepts", "controls",
        "measures", "comparisons", "alpha", "looks",
    ];

    private readonly SortedDictionary<string, string> files = new(StringComparer.Ordinal);

    public StudyFile Read(YamlMap root)
    {
        root.Knowing("a study", Keys);
        var concepts = Listed(root.Require("concepts", "a study"), "concepts", Concept);
        var measures = root.Get("measures")?.Texts("measures") ?? [Measure.Speed.Name];
        foreach (var measure in measures)
        {
            _ = Named(measure, root.Get("measures") ?? root);
        }

        var file = new StudyFile
        {
            Name = root.Require("study", "a study").Text("study"),
            Question = root.Get("question")?.Text("question"),
            Policy = Policy(root.Require("policy", "a study")),
            World = World(root.Require("world", "a study")),
            Tasks = root.Require("tasks", "a study").Texts("tasks"),
            Layouts = root.Require("layouts", "a study").Whole("layouts", 1),
            Steps = root.Require("steps", "a study").Whole("steps", 1),
            Seed = root.Get("seed")?.Seed("seed") ?? 1,
            Split = root.Get("split")?.Choice("split", ("test", LayoutSplit.Test), ("selection", LayoutSplit.Selection)) ?? LayoutSplit.Test,
            Block = root.Get("block")?.Whole("block", 1) ?? 24,
            ActionSteps = root.Get("action_steps")?.Whole("action_steps", 1),
            States = root.Get("states")?.Whole("states", 2) ?? 48,
            Draws = Draws(root.Get("controls")),
            Say = root.Get("say")?.Text("say"),
            Concepts = concepts,
            Measures = measures,
            Comparisons = root.Get("comparisons") is { } planned ? Listed(planned, "comparisons", node => Comparison(node, concepts)) : [],
            Alpha = root.Get("alpha") is { } alpha ? Alpha(alpha) : .05,
            Looks = root.Get("looks") is { } looks ? Looks(looks) : null,
            Files = files,
            Folder = folder,
        };
        return file.Looks is not { } l || l.Count <= file.Layouts
            ? file
            : throw root.Get("looks")!.Wrong($"{l.Count} looks at {file.Layouts} layouts of each task; expected at most one a layout");
    }

    private static T[] Listed<T>(YamlNode node, string what, Func<YamlNode, T> read)
        => node.List(what) is { Count: > 0 } items ? [.. items.Select(read)] : throw node.Wrong($"'{what}' is empty; expected at least one entry");

    private static PolicyChoice Policy(YamlNode node)
    {
        if (node is YamlText name)
        {
            return new PolicyChoice(name.Text("policy"));
        }

        var map = node.Map("policy").Knowing("a policy", "name", "fingerprint", "units");
        var fingerprint = map.Get("fingerprint")?.Text("fingerprint").ToLowerInvariant();
        return fingerprint is null || (fingerprint.Length >= 8 && fingerprint.All(char.IsAsciiHexDigitLower))
            ? new PolicyChoice(map.Require("name", "a policy").Text("name"), fingerprint, map.Get("units")?.Text("units"))
            : throw map.Get("fingerprint")!.Wrong(
                $"'fingerprint' is '{fingerprint}'; expected at least 8 hexadecimal digits, as 'vitrine inspect' prints them");
    }

    private static WorldChoice World(YamlNode node)
    {
        var map = node as YamlMap;
        var named = map is null ? node : map.Require("name", "a world");
        var kind = named.Choice("world", [.. WorldRegistry.All.Select(k => (k.Name, k))]);
        map?.Knowing($"the world '{kind.Name}'", ["name", .. kind.Options.Keys]);
        var options = (map?.Entries ?? []).Where(e => e.Key != "name").OrderBy(e => e.Key, StringComparer.Ordinal)
            .ToDictionary(e => e.Key, e => e.Value.Text(e.Key));
        try
        {
            _ = kind.Of(options);
        }
        catch (VitrineException e)
        {
            throw node.Wrong(e.Message.TrimEnd('.'));
        }

        return new WorldChoice(kind.Name, options);
    }

    /// <remarks>Draws can be more; controls themselves cannot be left out, so there is no key for that.</remarks>
    private static int Draws(YamlNode? node)
    {
        if (node is null)
        {
            return Study.FewestRandomDraws;
        }

        if (node is not YamlMap map)
        {
            throw node.Wrong($"'controls' is {node.Shown()}; controls are added to every edit and cannot be switched off: 'controls: {{draws: 8}}' says how "
                + "many draws");
        }

        foreach (var (key, value) in map.Entries.Where(e => e.Key != "draws" && e.Value is YamlText { Value: "false" or "0" or "none" or "off" }).Take(1))
        {
            throw value.Wrong($"the control '{key}' cannot be switched off; a study without its controls does not run");
        }

        map.Knowing("controls", "draws");
        var draws = map.Require("draws", "controls").Whole("draws", 0);
        return draws >= Study.FewestRandomDraws
            ? draws
            : throw map.Get("draws")!.Wrong($"'draws' is {draws}; a control has at least {Study.FewestRandomDraws} random draws");
    }

    private StudyConcept Concept(YamlNode node)
    {
        var map = node.Map("concepts").Knowing("a concept", "concept", "word", "words", "conditions");
        if (map.Get("word") is not null && map.Get("words") is { } both)
        {
            throw both.Wrong("a concept has 'word' or 'words', not both");
        }

        IReadOnlyList<string> words = map.Get("word") is { } word ? [word.Text("word")] : map.Get("words")?.Texts("words") ?? [];
        StudyCondition[] conditions = [.. Listed(map.Require("conditions", "a concept"), "conditions", n => Conditions(n, words)).SelectMany(c => c)];
        return new StudyConcept(map.Require("concept", "a concept").Text("concept"), words, conditions);
    }

    private IEnumerable<StudyCondition> Conditions(YamlNode node, IReadOnlyList<string> words)
    {
        var map = node.Map("conditions").Knowing("a condition", ["name", "label", "layers", "dose", "add", "schedule", .. Kinds]);
        var kinds = map.Entries.Where(e => Kinds.Contains(e.Key)).ToArray();
        if (kinds.Length != 1)
        {
            var found = kinds.Length == 0 ? "none" : string.Join(" and ", kinds.Select(k => k.Key));
            throw map.Wrong($"a condition does one thing; found {found}, expected one of {string.Join(", ", Kinds)}");
        }

        var (kind, what) = kinds[0];
        if (kind == "difference" && words.Count == 0)
        {
            throw what.Wrong("a mean difference is what a word changes; the concept has no 'word'");
        }

        var name = map.Require("name", "a condition").Text("name");
        var doses = Doses(map.Get("dose"), isRequired: kind == "neurons", isFactor: kind != "neurons", map, words);
        if (kind == "swap" && map.Get("dose") is { } dosed)
        {
            throw dosed.Wrong("a swap has no dose: the row is read or it is not");
        }

        return doses.Select(dose => new StudyCondition
        {
            Name = doses.Length == 1 ? name : $"{name}, {dose.Shown()}",
            Label = doses.Length == 1 ? map.Get("label")?.Text("label") : dose.Shown(),
            Neurons = kind == "neurons" ? Neurons(what) : null,
            Difference = kind == "difference" ? what.Choice("difference", [.. Components.Select(c => (c, c))]) : null,
            Direction = kind == "direction" ? Direction(what) : null,
            Plan = kind == "plan" ? PlanFile(what) : null,
            Edits = kind == "edits" ? Edits(what) : null,
            Swap = kind == "swap" ? Swap(what) : null,
            Layers = map.Get("layers") is { } layers ? Layers(layers, kind) : null,
            Dose = dose,
            Adds = map.Get("add") is { } adds && Adds(adds, kind),
            Schedule = map.Get("schedule") is { } schedule ? ScheduleOf(schedule) : null,
        });
    }

    private static StudyDose[] Doses(YamlNode? node, bool isRequired, bool isFactor, YamlMap condition, IReadOnlyList<string> words)
        => node switch
        {
            null => isRequired ? throw condition.Wrong("a condition of neurons lacks the key 'dose'") : [new StudyDose("1")],
            YamlList list => Listed(list, "dose", n => Dose(n, isFactor, words)),
            _ => [Dose(node, isFactor, words)],
        };

    private static StudyDose Dose(YamlNode node, bool isFactor, IReadOnlyList<string> words)
    {
        if (node is YamlMap map)
        {
            map.Knowing("a dose by effect", "nats", "motion");
            if (map.Entries.Count != 1)
            {
                throw node.Wrong("a dose by effect is 'nats' or 'motion'");
            }

            var (kind, value) = map.Entries[0];
            if (kind == "motion" && value is YamlText { Value: "word" })
            {
                return words.Count > 0
                    ? new StudyDose(null, AsWord: true)
                    : throw value.Wrong("the motion of the word is asked for; the concept has no 'word'");
            }

            var target = value.Number(kind);
            return target <= 0 ? throw value.Wrong($"'{kind}' is {value.Shown()}; expected more than 0")
                : kind == "nats" ? new StudyDose(null, Nats: target)
                : new StudyDose(null, Motion: target);
        }

        var text = node.Text("dose");
        if (isFactor)
        {
            return new StudyDose(node.Number("dose").ToString("R", CultureInfo.InvariantCulture));
        }

        try
        {
            _ = Vitrine.Mechanisms.Doses.Dose.Parse(text);
        }
        catch (VitrineException e)
        {
            throw node.Wrong(e.Message.TrimEnd('.'));
        }

        return new StudyDose(text);
    }

    private NeuronChoice Neurons(YamlNode node)
    {
        var map = node.Map("neurons").Knowing("neurons", "concept", "file", "set", "list", "stack", "writes", "count");
        string[] kinds = [.. map.Entries.Select(e => e.Key).Where(k => k is "concept" or "file" or "list" or "writes")];
        if (kinds.Length != 1)
        {
            throw node.Wrong("neurons are named by one of concept, file, list, writes");
        }

        return kinds[0] switch
        {
            "concept" => new NeuronChoice(Concept: map.Get("concept")!.Text("concept")),
            "file" => new NeuronChoice(File: Hashed(map.Get("file")!, "file"), Set: map.Require("set", "neurons of a file").Text("set")),
            "writes" => new NeuronChoice(Writes: map.Get("writes")!.Text("writes"), Count: map.Get("count")?.Whole("count", 1) ?? 10),
            _ => new NeuronChoice(List: Listed(map.Get("list")!, "list", Pair), Stack: map.Get("stack")?.Text("stack")),
        };

        static IReadOnlyList<int> Pair(YamlNode pair) => pair.List("list") is { Count: 2 } numbers
            ? [numbers[0].Whole("layer", 0), numbers[1].Whole("index", 0)]
            : throw pair.Wrong("a neuron is a pair [layer, index]");
    }

    private DirectionChoice Direction(YamlNode node)
    {
        var map = node.Map("direction").Knowing("a direction", "file", "key", "at");
        return new DirectionChoice(
            Hashed(map.Require("file", "a direction"), "file"), map.Require("key", "a direction").Text("key"), map.Require("at", "a direction").Text("at"));
    }

    private string PlanFile(YamlNode node)
    {
        var name = Hashed(node, "plan");
        files[name] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(RunPlan.Load(Path.Combine(folder, name)).ToJson()))); // with its tensors
        return name;
    }

    private string Edits(YamlNode node)
        => node is YamlList
            ? RunPlan.FromJson($"{{\"edits\":{node.ToJson()}}}", $"{source}, line {node.Line}").ToJson()
            : throw node.Wrong("'edits' is no list");

    private static SwapChoice Swap(YamlNode node)
    {
        var map = node.Map("swap").Knowing("a swap", "word", "layer");
        var layer = map.Require("layer", "a swap");
        return new SwapChoice(map.Require("word", "a swap").Text("word"), layer is YamlText { Value: "carrying" } ? null : layer.Whole("layer", 0));
    }

    private static IReadOnlyList<int> Layers(YamlNode node, string kind)
        => kind == "difference" ? Listed(node, "layers", n => n.Whole("layers", 0)) : throw node.Wrong("'layers' goes with 'difference'");

    private static bool Adds(YamlNode node, string kind)
        => kind == "neurons" ? node.Truth("add") : throw node.Wrong("'add' goes with 'neurons'");

    private static Schedule ScheduleOf(YamlNode node)
    {
        try
        {
            return Schedule.FromJson(node.Map("schedule").ToJson(), $"{node.Source}, line {node.Line}");
        }
        catch (VitrineException e) when (!e.Message.StartsWith(node.Source, StringComparison.Ordinal))
        {
            throw node.Wrong(e.Message.TrimEnd('.'));
        }
    }

    private static PlannedComparison Comparison(YamlNode node, StudyConcept[] concepts)
    {
        var map = node.Map("comparisons").Knowing("a comparison", "condition", "measure", "effect");
        var condition = map.Require("condition", "a comparison");
        string[] names = [.. concepts.SelectMany(c => c.Conditions).Select(c => c.Name)];
        var name = condition.Text("condition");
        return names.Contains(name)
            ? new PlannedComparison(
                name, Named(map.Require("measure", "a comparison").Text("measure"), map.Get("measure")!), map.Get("effect")?.Number("effect"))
            : throw condition.Wrong($"there is no condition '{name}'; the nearest is '{Nearest.Of(name, names)}'");
    }

    private static double Alpha(YamlNode node)
        => node.Number("alpha") is > 0 and <= .5 and var alpha ? alpha : throw node.Wrong($"'alpha' is {node.Shown()}; expected more than 0 and at most .5");

    private static SequentialLooks Looks(YamlNode node)
    {
        var map = node.Map("looks").Knowing("looks", "count", "spending");
        var count = map.Require("count", "looks").Whole("count", 2);
        return count <= AlphaSpending.MostLooks
            ? new SequentialLooks(
                count, map.Require("spending", "looks").Choice("spending", ("obrien-fleming", Spending.OBrienFleming), ("pocock", Spending.Pocock)))
            : throw map.Get("count")!.Wrong($"'count' is {count}; expected at most {AlphaSpending.MostLooks} looks");
    }

    private static string Named(string measure, YamlNode node)
    {
        string[] names = [.. Measure.All.Select(m => m.Name)];
        return names.Contains(measure)
            ? measure
            : throw node.Wrong($"there is no measure '{measure}'; the nearest is '{Nearest.Of(measure, names)}', known are {string.Join(", ", names)}");
    }

    /// <summary>Names a file beside the study and keeps its hash.</summary>
    /// <exception cref="VitrineException">It lies elsewhere, or cannot be read.</exception>
    private string Hashed(YamlNode node, string what)
    {
        var name = node.Text(what);
        var (root, full) = (Path.GetFullPath(folder), Path.GetFullPath(Path.Combine(folder, name)));
        if (!full.StartsWith(root.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw node.Wrong($"'{name}' lies outside the study's folder; put it beside the study or below");
        }

        try
        {
            using var stream = File.OpenRead(full);
            files[name] = Convert.ToHexStringLower(SHA256.HashData(stream));
            return name;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw node.Wrong($"'{name}' cannot be read ({e.Message})");
        }
    }
}

/// <summary>Doses in words.</summary>
internal static class StudyDoses
{
    public static string Shown(this StudyDose dose)
        => dose.Amount ?? (dose.Nats is { } nats ? string.Create(CultureInfo.InvariantCulture, $"{nats} nats")
            : dose.Motion is { } motion ? string.Create(CultureInfo.InvariantCulture, $"motion {motion}")
            : "motion of the word");
}
