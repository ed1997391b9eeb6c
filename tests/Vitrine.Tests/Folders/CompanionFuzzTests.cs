using System.Text.Json;
using System.Text.Json.Nodes;
using Vitrine.Certification.Certified;
using Vitrine.Checkpoints;

namespace Vitrine.Tests.Folders;

/// <summary>
/// Keys of the files beside the weights dropped, nulled, given another kind, written twice, put in where they do not belong: the answer is the reference's, or
/// a
/// refusal that names file and key; never another number.
/// </summary>
/// <remarks>
/// What the reference answers is computed a second time from the changed file: generations by <see cref="ReferenceRules"/>, actions by numpy's arithmetic,
/// adapters
/// by their scaling; class defaults stand in <see cref="ReferenceDefaults"/>. VITRINE_SEED draws other folders.
/// </remarks>
public sealed class CompanionFuzzTests
{
    private const int Folders = 2000;

    /// <summary>Values of every kind.</summary>
    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "1", "3", "7.0", "0.25", "-2", "1e400", "NaN", "Infinity", "\"\"", "\"1\"", "\"true\"", "\"none\"", "[]", "[1]",
        "[[1, 2]]",
        "[\"a\"]", "{}", "{\"a\": 1}", "[true, 0]", "[null]",
    ];

    [Fact]
    public void The_answer_is_the_reference_s_or_a_refusal_that_names_file_and_key()
    {
        using var readers = new CompanionReaders();
        var seed = int.TryParse(Environment.GetEnvironmentVariable("VITRINE_SEED"), out var chosen) ? chosen : 1;
        var draw = new Random(seed);
        var oracle = new ReferenceAnswers();
        CompanionExample[] pool = [.. readers.All];
        var (answered, refused, computed) = (0, 0, 0);
        var wrong = new List<string>();
        for (var folder = 0; folder < Folders; folder++)
        {
            var example = Drawn(pool, draw);
            var mutation = Mutation.Draw(example, draw, Values);
            var told = $"{folder}: {example.Name} {example.File}: {mutation}";
            try
            {
                var answer = example.With(mutation.Text);
                answered++;
                computed += oracle.Require(example, mutation, answer, told) ? 1 : 0;
            }
            catch (VitrineException e)
            {
                refused++;
                if (!IsNamed(e.Message, example, mutation))
                {
                    wrong.Add($"{told}: names neither file nor key: {e.Message}");
                }
            }
            catch (Exception e)
            {
                wrong.Add($"{told}: {e.GetType().Name} {e.Message}");
            }
        }

        wrong.ShouldBeEmpty($"{wrong.Count} of {Folders}, seed {seed}");
        (answered > Folders / 8 && refused > Folders / 4 && computed > Folders / 40)
            .ShouldBeTrue($"{answered} answered, {refused} refused, {computed} computed");
    }

    /// <summary>Files that are cheap to read come oftener than models.</summary>
    private static CompanionExample Drawn(CompanionExample[] pool, Random draw)
    {
        var cheap = pool.Where(e => e.File != "config.json").ToArray();
        return draw.Next(3) > 0 ? cheap[draw.Next(cheap.Length)] : pool[draw.Next(pool.Length)];
    }

    /// <remarks>A size that is missing becomes the class default, and the first tensor that contradicts it is named.</remarks>
    private static bool IsNamed(string message, CompanionExample example, Mutation mutation)
    {
        var names = message.Contains(example.File, StringComparison.Ordinal)
            && mutation.Path.Split('.').Any(part => message.Contains(part, StringComparison.Ordinal));
        var sees = message.Contains("tensor '", StringComparison.Ordinal) || message.Contains("cannot share", StringComparison.Ordinal)
            || message.Contains("is not the width", StringComparison.Ordinal) || message.Contains("do not divide", StringComparison.Ordinal)
            || message.Contains("coordinates of a head", StringComparison.Ordinal);
        var tells = example.File is not "config.json" && message.Contains(example.File[..7], StringComparison.Ordinal) && mutation.IsAboutAnother(message);
        return !message.Contains('\n', StringComparison.Ordinal) && (names || sees || tells);
    }
}

/// <summary>One change of a file.</summary>
/// <param name="Kind">What was done.</param>
/// <param name="Path">Where, a.b.</param>
/// <param name="Value">What stands there now.</param>
/// <param name="Json">The file, but for a key that stands there twice.</param>
/// <param name="Text">The file.</param>
internal sealed record Mutation(MutationKind Kind, string Path, string? Value, JsonObject Json, string Text)
{
    private const string Marker = "\"@@value@@\"";

    /// <summary>The key itself.</summary>
    public string Key => Path.Split('.')[^1];

    /// <summary>Whether an error names a key that follows from this one: the other of a pair, or what a missing class or mask leaves unknown.</summary>
    public bool IsAboutAnother(string message)
        => Path.Split('.').Any(p => message.Contains(p, StringComparison.Ordinal))
            || (Kind is MutationKind.Dropped or MutationKind.Nulled && (message.Contains("q01, q99 and mask", StringComparison.Ordinal)
                || message.Contains("no eos_token_id", StringComparison.Ordinal) || message.Contains("asks for rank", StringComparison.Ordinal)
                || message.Contains("names no data set", StringComparison.Ordinal)))
            || message.Contains("image_processor", StringComparison.Ordinal) || message.Contains("does not know that key of", StringComparison.Ordinal)
            || message.Contains("finds no place", StringComparison.Ordinal) || message.Contains("means and stds", StringComparison.Ordinal);

    public static Mutation Draw(CompanionExample example, Random draw, string[] values)
    {
        var json = example.Json.DeepClone().AsObject();
        var places = Places(json, "").ToArray();
        var kind = (MutationKind)draw.Next(5);
        if (kind == MutationKind.Inserted)
        {
            var rows = CompanionFiles.Keys.Where(k => k.File == example.File && !k.Key.Contains('.', StringComparison.Ordinal) && !json.ContainsKey(k.Key))
                .Where(k => k.Treatment != KeyTreatment.Applied || k.File == "generation_config.json").ToArray();
            if (rows.Length > 0)
            {
                var (key, value) = (rows[draw.Next(rows.Length)].Key, values[draw.Next(values.Length)]);
                return new Mutation(kind, key, value, json, WithValue(json, json, key, value));
            }

            kind = MutationKind.Retyped;
        }

        var (holder, name, path) = places[draw.Next(places.Length)];
        switch (kind)
        {
            case MutationKind.Dropped:
                holder.Remove(name);
                return new Mutation(kind, path, null, json, json.ToJsonString());
            case MutationKind.Nulled:
                holder[name] = null;
                return new Mutation(kind, path, "null", json, json.ToJsonString());
            case MutationKind.Twice:
                var other = values[draw.Next(values.Length)];
                var text = WithValue(json, holder, name, $"{holder[name]?.ToJsonString() ?? "null"}, {JsonSerializer.Serialize(name)}: {other}");
                return new Mutation(kind, path, other, json, text);
            default:
                var was = KindOf(holder[name]?.ToJsonString() ?? "null");
                // A whole number in place of a broken one is another value, not another kind.
                var others = values.Where(v => KindOf(v) is var k && k != was && k != "null" && !(was == "number" && k == "whole")).ToArray();
                var retyped = others[draw.Next(others.Length)];
                return new Mutation(MutationKind.Retyped, path, retyped, json, WithValue(json, holder, name, retyped));
        }
    }

    public override string ToString() => $"{Kind} {Path} {Value}";

    /// <summary>The text of a file in which a value is written as it is given; the file itself gets it too, where it is JSON.</summary>
    private static string WithValue(JsonObject json, JsonObject holder, string name, string value)
    {
        holder[name] = JsonNode.Parse(Marker);
        var text = json.ToJsonString().Replace(Marker, value, StringComparison.Ordinal);
        try
        {
            holder[name] = JsonNode.Parse(value);
        }
        catch (JsonException)
        {
            // NaN, Infinity and a key that stands there twice are no JSON.
        }

        return text;
    }

    /// <summary>Every key, those inside objects and in the first object of a list included.</summary>
    private static IEnumerable<(JsonObject Holder, string Name, string Path)> Places(JsonObject json, string at)
    {
        foreach (var (name, value) in json)
        {
            yield return (json, name, at + name);
            var inner = value as JsonObject ?? (value as JsonArray)?.FirstOrDefault() as JsonObject;
            foreach (var place in inner is null ? [] : Places(inner, $"{at}{name}."))
            {
                yield return place;
            }
        }
    }

    private static string KindOf(string value) => value[0] switch
    {
        'n' => "null",
        't' or 'f' => "flag",
        '"' => "text",
        '[' => "list",
        '{' => "object",
        _ => value.All(c => char.IsAsciiDigit(c) || c == '-') ? "whole" : "number",
    };
}

/// <summary>What is done to a key.</summary>
internal enum MutationKind
{
    Dropped,
    Nulled,
    Retyped,
    Twice,
    Inserted,
}
