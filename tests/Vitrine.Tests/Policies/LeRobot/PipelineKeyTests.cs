using System.Text.Json.Nodes;
using Vitrine.Tests.Checkpoints;
using Vitrine.Tests.Policies.Flow;

namespace Vitrine.Tests.Policies.LeRobot;

/// <summary>Every key of the pipelines beside a LeRobot policy is looked at.</summary>
public sealed class PipelineKeyTests
{
    public static TheoryData<string, string> Files()
    {
        var data = new TheoryData<string, string>();
        foreach (var name in new[] { "smolvla", "pi0", "pi05", "pi0-fast", "act" })
        {
            data.Add(name, "policy_preprocessor.json");
            data.Add(name, "policy_postprocessor.json");
        }

        return data;
    }

    [Theory, MemberData(nameof(Files))]
    public void A_value_of_another_kind_is_refused_by_file_and_key(string name, string file)
    {
        using var place = new Workplace();
        var folder = FlowExample.Copy(name, place.Folder);
        var original = File.ReadAllText(Path.Combine(folder, file));
        var keys = Keys(JsonNode.Parse(original)!).ToArray();
        keys.Length.ShouldBeGreaterThan(4);
        keys.Select(k => (Key: $"{string.Join('.', k.Path)}.{k.Key}", Told: Told(k.Path, k.Key, k.IsObject), Last: k.Key))
            .Where(k => !k.Told.Contains(file, StringComparison.Ordinal) || !k.Told.Contains(k.Last, StringComparison.Ordinal)).ShouldBeEmpty();

        string Told(string[] path, string key, bool isObject)
        {
            File.WriteAllText(Path.Combine(folder, file), original);
            FlowExample.Change(folder, file, json => At(json, path)[key] = JsonNode.Parse(isObject ? "\"words\"" : """{"of": ["another kind"]}"""));
            return Refusal(name, folder);
        }
    }

    [Theory, MemberData(nameof(Files))]
    public void A_key_that_no_step_knows_is_refused_by_file_and_name(string name, string file)
    {
        using var place = new Workplace();
        var folder = FlowExample.Copy(name, place.Folder);
        var original = File.ReadAllText(Path.Combine(folder, file));
        foreach (var path in Keys(JsonNode.Parse(original)!).Select(k => k.Path).DistinctBy(p => string.Join('.', p)))
        {
            File.WriteAllText(Path.Combine(folder, file), original);
            FlowExample.Change(folder, file, json => At(json, path)["never_heard_of"] = 1);
            var told = Refusal(name, folder);
            told.ShouldContain(file);
            told.ShouldContain("never_heard_of");
        }
    }

    private static string Refusal(string name, string folder)
    {
        try
        {
            FlowExample.Open(name, folder).Dispose();
            return "nothing";
        }
        catch (VitrineException e)
        {
            return e.Message;
        }
    }

    /// <summary>Every key with the way to its object, objects inside included; names of features and of renamed cameras are no keys.</summary>
    private static IEnumerable<(string[] Path, string Key, bool IsObject)> Keys(JsonNode json, params string[] path)
    {
        foreach (var (key, value) in At(json, path).AsObject().ToArray())
        {
            if (value is JsonArray { Count: > 0 } list && list[0] is JsonObject)
            {
                for (var i = 0; i < list.Count; i++)
                {
                    foreach (var inside in Keys(json, [.. path, key, $"{i}"]))
                    {
                        yield return inside;
                    }
                }
            }
            else
            {
                yield return (path, key, value is JsonObject);
                foreach (var inside in value is JsonObject && key is not "rename_map" ? Keys(json, [.. path, key]) : [])
                {
                    yield return inside;
                }
            }
        }
    }

    private static JsonNode At(JsonNode json, string[] path)
        => path.Aggregate(json, (node, part) => node is JsonArray list ? list[int.Parse(part, null)]! : node[part]!);
}
