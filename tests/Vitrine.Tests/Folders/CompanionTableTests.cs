using System.Text.Json.Nodes;
using Vitrine.Certification.Certified;
using Vitrine.Checkpoints;

namespace Vitrine.Tests.Folders;

/// <summary>The table of keys in docs/models.md says what the readers do.</summary>
public sealed class CompanionTableTests(CompanionTableTests.Readers readers) : IClassFixture<CompanionTableTests.Readers>
{
    /// <summary>Values of every kind that JSON has.</summary>
    private static readonly string[] AnyValue = ["null", "true", "false", "7", "-0.5", "\"words\"", "[1, 2]", "{\"a\": 1}"];

    /// <summary>Values that say something, of every kind that a refused key could hold.</summary>
    private static readonly string[] Something = ["true", "7", "\"words\"", "[[1, 2]]", "{\"a\": 1}"];

    /// <summary>Keys whose value is an object; a text is another kind there.</summary>
    private static readonly string[] Objects =
    [
        "rope_scaling", "rope_parameters", "vision_config", "text_config", "vision_config_dict", "text_config_dict", "norm_stats", "action", "image_processor",
        "rank_pattern", "alpha_pattern", "weight_map", "model_args", "pretrained_cfg", "id2label",
    ];

    /// <summary>Opens the examples once for all tests.</summary>
    public sealed class Readers : IDisposable
    {
        internal CompanionReaders Examples { get; } = new();

        public void Dispose() => Examples.Dispose();
    }

    public static TheoryData<string, string, KeyTreatment> Rows()
    {
        var data = new TheoryData<string, string, KeyTreatment>();
        foreach (var row in CompanionFiles.Keys.DistinctBy(k => (k.File, k.Key, k.Treatment)))
        {
            data.Add(row.File, row.Key, row.Treatment);
        }

        return data;
    }

    [Theory, MemberData(nameof(Rows))]
    public void A_key_is_treated_as_the_table_says(string file, string key, KeyTreatment treatment)
    {
        var examples = readers.Examples.OfFile(file).ToArray();
        Assert.SkipUnless(examples.Length > 0, $"the fixtures have no {file}");
        switch (treatment)
        {
            case KeyTreatment.Applied:
                IsApplied(examples, key);
                break;
            case KeyTreatment.Refused:
                IsRefused(examples.FirstOrDefault(e => e.Json.ContainsKey(key)) ?? examples[0], file, key);
                break;
            default:
                IsPassedOver(examples, key);
                break;
        }
    }

    /// <summary>A key that a table does not have might change numbers.</summary>
    [Fact]
    public void A_key_that_no_table_has_is_refused_by_file_and_name()
    {
        foreach (var example in readers.Examples.All)
        {
            var changed = example.Changed("never_heard_of", (at, name) => at[name] = 1)!;
            var message = Should.Throw<VitrineException>(() => example.With(changed), example.Name).Message;
            message.ShouldContain(example.File);
            message.ShouldContain("never_heard_of");
        }
    }

    [Fact]
    public void Every_row_names_a_heading_of_the_changelog()
    {
        var headings = File.ReadAllLines(Path.Combine(Fixtures.Repository, "CHANGELOG.md")).Where(l => l.StartsWith("## [", StringComparison.Ordinal))
            .Select(l => l[4..l.IndexOf(']', StringComparison.Ordinal)]).ToArray();
        CompanionFiles.Keys.Select(k => k.Since).Distinct().ShouldBeSubsetOf(headings);
        CompanionFiles.Keys.GroupBy(k => (k.File, k.Key)).ShouldAllBe(same => same.Select(k => k.Treatment).Distinct().Count() == 1);
    }

    /// <summary>A value of another kind is refused by file and key wherever the key is read; it is read somewhere.</summary>
    private static void IsApplied(CompanionExample[] examples, string key)
    {
        var last = key.Split('.')[^1];
        var wrong = Objects.Contains(last) ? "\"of another kind\"" : """{"of": ["another kind"]}""";
        var refusals = new List<string>();
        foreach (var example in examples.OrderByDescending(e => e.Json.ContainsKey(key.Split('.')[0])))
        {
            if (example.Changed(key, (at, name) => at[name] = JsonNode.Parse(wrong)) is not { } changed)
            {
                continue;
            }

            try
            {
                example.With(changed);
            }
            catch (VitrineException e)
            {
                refusals.Add(e.Message);
                if (e.Message.Contains(example.File, StringComparison.Ordinal) && e.Message.Contains(last, StringComparison.Ordinal)
                    && !e.Message.Contains("unknown key", StringComparison.Ordinal))
                {
                    return;
                }
            }
        }

        Assert.Fail($"no reader refuses {key} of another kind by file and key: {string.Join(" | ", refusals)}");
    }

    private static void IsRefused(CompanionExample example, string file, string key)
    {
        foreach (var value in Something)
        {
            var message = Should.Throw<VitrineException>(
                () => example.With(example.Changed(key, (at, name) => at[name] = JsonNode.Parse(value))!), value).Message;
            message.ShouldContain(file);
            message.ShouldContain(key);
            message.ShouldNotContain("unknown key");
        }

        var before = example.With(example.Json);
        example.With(example.Changed(key, (at, name) => at[name] = null)!).ShouldBe(before);
    }

    /// <summary>Whatever stands there, the answer is the same in the families that know the key.</summary>
    private static void IsPassedOver(CompanionExample[] examples, string key)
    {
        var example = examples.FirstOrDefault(e => e.Changed(key, (at, name) => at[name] = "words") is { } probe && !Refused(e, probe));
        example.ShouldNotBeNull($"no reader passes {key} over");
        var before = example.With(example.Json);
        foreach (var value in AnyValue)
        {
            example.With(example.Changed(key, (at, name) => at[name] = JsonNode.Parse(value))!).ShouldBe(before, $"{example.Name}: {key} {value}");
        }
    }

    private static bool Refused(CompanionExample example, JsonObject changed)
    {
        try
        {
            example.With(changed);
            return false;
        }
        catch (VitrineException)
        {
            return true;
        }
    }
}
