using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Vitrine.Certification.Certified;
using Vitrine.Checkpoints;
using Vitrine.Transformers;

namespace Vitrine.Tests.Folders;

/// <summary>What the reference answers to a changed file, and whether Vitrine may answer at all.</summary>
internal sealed class ReferenceAnswers
{
    private readonly Dictionary<string, string> before = [];
    private readonly Dictionary<string, string> cached = [];

    /// <summary>Holds an answer against the reference.</summary>
    /// <returns>Whether it was computed a second time; an answer that must be the unchanged one was not.</returns>
    public bool Require(CompanionExample example, Mutation mutation, string answer, string told)
    {
        mutation.Kind.ShouldNotBe(MutationKind.Twice, $"{told}: which of the two counts is the reader's choice, and it answered");
        var unchanged = Once(before, example.Name + example.File, () => example.With(example.Json));
        var treatment = TreatmentOf(example, mutation.Path);
        if (treatment == KeyTreatment.Bookkeeping || answer == unchanged)
        {
            answer.ShouldBe(unchanged, told);
            return false;
        }

        treatment.ShouldNotBe(KeyTreatment.Refused, $"{told}: it answered {answer}");
        if ((mutation.Kind == MutationKind.Retyped && ReferenceDefaults.TwoForms.Contains(mutation.Key))
            || (mutation.Kind == MutationKind.Nulled && ReferenceDefaults.NoneIsNothing.Contains(mutation.Key))
            || (mutation.Kind == MutationKind.Dropped && mutation.Path.StartsWith("norm_stats.",
                StringComparison.Ordinal) && mutation.Path.Count(c => c == '.') == 1))
        {
            return false; // another value, not another kind; or another data set's units
        }

        switch (example.File)
        {
            case "generation_config.json":
                answer.ShouldBe(Generated(example, mutation.Json), told);
                return true;
            case "dataset_statistics.json":
                answer.ShouldBe(Unnormalised(mutation.Json), told);
                return true;
            case "adapter_config.json":
                answer.ShouldBe(Scaled(example, mutation.Json), told);
                return true;
            default:
                (mutation.Kind is MutationKind.Dropped or MutationKind.Nulled).ShouldBeTrue($"{told}: a value of another kind was answered {answer}");
                answer.ShouldBe(WithDefault(example, mutation, told), told);
                return true;
        }
    }

    /// <summary>Of the key, or of the nearest object around it that has a row.</summary>
    private static KeyTreatment? TreatmentOf(CompanionExample example, string path)
    {
        string[] parts = example.File == "dataset_statistics.json" ? [.. path.Split('.').Skip(1)] : path.Split('.');
        if (parts is ["norm_stats", _, .. var statistics])
        {
            return Row("dataset_statistics.json", statistics);
        }

        return parts.Length == 0 ? KeyTreatment.Applied : Row(example.File, parts) ?? Row(example.File, [parts[^1]]);

        static KeyTreatment? Row(string file, string[] parts)
        {
            for (var count = 1; count <= parts.Length; count++)
            {
                var found = CompanionFiles.Keys.FirstOrDefault(k => k.File == file && k.Key == string.Join('.', parts[..count]));
                if (found is { Treatment: KeyTreatment.Bookkeeping } || (found is not null && count == parts.Length))
                {
                    return found.Treatment;
                }
            }

            return null;
        }
    }

    private string Generated(CompanionExample example, JsonObject file)
    {
        using var model = TextModel.Open(example.Folder, new ModelOptions { GenerationConfig = false });
        var prompt = example.Prompt!;
        string Logits(int[] ids) => string.Join(' ', ModelCopy.Logits(model, ids).Select(n => n.ToString("R", CultureInfo.InvariantCulture)));
        var ids = new ReferenceRules(file).Generate(
            row => [.. Once(cached, string.Join(' ', row), () => Logits(row)).Split(' ').Select(n => float.Parse(n, CultureInfo.InvariantCulture))], prompt, 6);
        double? Number(string key, double? otherwise) => file[key]?.GetValue<double>() ?? otherwise;
        var topK = file.ContainsKey("top_k") ? (int?)Number("top_k", null) : 50;
        var sampling = new Sampling
        {
            Temperature = Number("temperature", 1)!.Value,
            TopK = topK is 0 ? null : topK,
            TopP = Number("top_p", 1) is < 1 and var p ? p : null,
            MinP = Number("min_p", null),
            TypicalP = Number("typical_p", 1) is < 1 and var typical ? typical : null,
            EpsilonCutoff = Number("epsilon_cutoff", 0) is > 0 and < 1 and var epsilon ? epsilon : null,
            EtaCutoff = Number("eta_cutoff", 0) is > 0 and < 1 and var eta ? eta : null,
        };
        string[] stops = file["stop_strings"] is JsonArray list
            ? list.Deserialize<string[]>()!
            : file["stop_strings"] is { } one ? [one.GetValue<string>()]
            : [];
        return $"{string.Join(' ', ids)} {sampling} {file["do_sample"]?.GetValue<bool>() ?? false} {string.Join(' ', stops)}";
    }

    /// <summary>numpy.where(mask, 0.5 (a + 1) (q99 - q01) + q01, a) at a = 0.25 (openvla, modeling_prismatic.py).</summary>
    private static string Unnormalised(JsonObject file) => string.Join('\n', file.Select(set =>
    {
        var action = set.Value!["action"]!.AsObject();
        var (low, high) = (action["q01"].Deserialize<double[]>()!, action["q99"].Deserialize<double[]>()!);
        var mask = action.ContainsKey("mask")
            ? [.. action["mask"]!.AsArray().Select(m => m!.ToJsonString() is "true" or "1")]
            : low.Select(_ => true).ToArray();
        var values = low.Select((q01, d) => mask[d] ? (0.5 * (0.25 + 1) * (high[d] - q01)) + q01 : 0.25);
        return $"{set.Key} {string.Join(' ', values.Select(v => v.ToString("R", CultureInfo.InvariantCulture)))}";
    }));

    /// <summary>The example's own answer with another scaling: the file's alpha, chosen so that alpha / r is what peft makes of the changed file.</summary>
    private string Scaled(CompanionExample example, JsonObject file)
    {
        const int Rank = 3; // of the matrices in the file
        var alpha = file["lora_alpha"]?.GetValue<double>() ?? 8;
        foreach (var (pattern, value) in file["alpha_pattern"]?.AsObject() ?? [])
        {
            alpha = pattern == "q_proj" ? value!.GetValue<double>() : alpha;
        }

        (file["r"]?.GetValue<int>() ?? 8).ShouldBe(Rank);
        var scaling = file["use_rslora"]?.GetValue<bool>() == true ? alpha / Math.Sqrt(Rank) : alpha / Rank;
        return Once(cached, $"scaling {scaling:R}", () =>
        {
            var same = example.Json.DeepClone().AsObject();
            same.Remove("alpha_pattern");
            same["lora_alpha"] = scaling * Rank;
            return example.With(same);
        });
    }

    /// <summary>The answer where the class default is spelled out; None is the default of a key that a null leaves at it.</summary>
    private string WithDefault(CompanionExample example, Mutation mutation, string told)
    {
        var kind = ReferenceDefaults.KindOf(example, mutation.Path);
        if (mutation.Key == "mask")
        {
            return Once(cached, $"{example.Name} {mutation.Path}", () => example.With(example.Changed(mutation.Path, (at, name)
                => at[name] = new JsonArray([.. at["q01"]!.AsArray().Select(_ => (JsonNode)true)]))!));
        }

        ReferenceDefaults.All.TryGetValue((kind, mutation.Key), out var value)
            .ShouldBeTrue($"{told}: no class default is written down for {kind}.{mutation.Key}");
        (mutation.Kind == MutationKind.Dropped || ReferenceDefaults.NoneIsDefault.Contains(mutation.Key)).ShouldBeTrue(
            $"{told}: null is None in the reference, and not its default");
        var spelled = example.Changed(
            example.File == "dataset_statistics.json" ? string.Join('.', mutation.Path.Split('.').Skip(1)) : mutation.Path, (at, name)
                => at[name] = JsonNode.Parse(value!));
        return Once(cached, $"{example.Name} {mutation.Path}", () => example.With(spelled!));
    }

    private static string Once(Dictionary<string, string> known, string key, Func<string> make)
        => known.TryGetValue(key, out var answer) ? answer : known[key] = make();
}
