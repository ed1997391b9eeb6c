using System.Text.Json;
using System.Text.Json.Nodes;

namespace Vitrine.Tests.Transformers;

/// <summary>
/// A fixture of a model that reads pictures and texts with a tokenizer beside it, which the fixture lacks: every byte is a token of its own, and the special
/// tokens have the ids that the fixture's prompts give them.
/// </summary>
internal sealed class SeeingFolder : IDisposable
{
    private readonly Cli.TemporaryFolder folder = new();
    private readonly Dictionary<char, int> bytes = [];

    private SeeingFolder(string name, IReadOnlyDictionary<string, int> special, string? begin)
    {
        folder.LinkFrom(Fixtures.Of("models", name));
        var vocabulary = new JsonObject();
        var free = new Queue<int>(Enumerable.Range(0, 300).Except(special.Values).Except([8]));
        foreach (var (at, letter) in Alphabet().Index())
        {
            var id = at == '\n' ? 8 : free.Dequeue();
            (vocabulary[letter.ToString()], bytes[(char)at]) = (id, id);
        }

        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray([.. special.Select(s => new JsonObject
            {
                ["id"] = s.Value,
                ["content"] = s.Key,
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            })]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true },
            ["post_processor"] = begin is null ? null : new JsonObject
            {
                ["type"] = "TemplateProcessing",
                ["single"] = new JsonArray(
                    new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = begin, ["type_id"] = 0 } },
                    new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "A", ["type_id"] = 0 } }),
                ["pair"] = new JsonArray(
                    new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "A", ["type_id"] = 0 } },
                    new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "B", ["type_id"] = 1 } }),
                ["special_tokens"] = new JsonObject
                {
                    [begin] = new JsonObject { ["id"] = begin, ["ids"] = new JsonArray(special[begin]), ["tokens"] = new JsonArray(begin) },
                },
            },
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = true, ["trim_offsets"] = true, ["use_regex"] = true },
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray() },
        };
        File.WriteAllText(this["tokenizer.json"], json.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
    }

    public string Path => folder.Path;

    public string this[string file] => folder[file];

    /// <summary>The fixture of a name, with the tokens that its family's processor writes.</summary>
    public static SeeingFolder Of(string name) => name switch
    {
        "smolvlm" => new(name, new Dictionary<string, int>
        {
            ["<fake_token_around_image>"] = 290,
            ["<global-img>"] = 291,
            ["<row_1_col_1>"] = 292,
            ["<row_1_col_2>"] = 293,
            ["<row_2_col_1>"] = 295,
            ["<row_2_col_2>"] = 296,
            ["<end_of_utterance>"] = 298,
            ["<image>"] = 299,
        }, begin: null),
        "paligemma" => new(name, new Dictionary<string, int> { ["<bos>"] = 2, ["<image>"] = 299 }, begin: "<bos>"),
        "llava" => new(name, new Dictionary<string, int> { ["<s>"] = 1, ["<image>"] = 299 }, begin: "<s>"),
        _ => new(name, new Dictionary<string, int>
        {
            ["<|vision_start|>"] = 290,
            ["<|vision_end|>"] = 291,
            ["<|image_pad|>"] = 292,
            ["<|im_end|>"] = 298,
        }, begin: null),
    };

    /// <summary>Ids of ASCII text.</summary>
    public IEnumerable<int> Ids(string text) => text.Select(c => bytes[c]);

    public void Dispose() => folder.Dispose();

    /// <summary>GPT-2's letters for bytes: those that print stand for themselves, the others follow from U+0100 on.</summary>
    private static IEnumerable<char> Alphabet()
    {
        var next = 0x100;
        for (var value = 0; value < 256; value++)
        {
            yield return value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)value : (char)next++;
        }
    }
}
