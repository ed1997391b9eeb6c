using System.Text;
using CsCheck;
using Vitrine.Inputs.Chat;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Tests.Inputs.Tokenizers;

/// <summary>Whatever a file holds, the answer is a tokenizer or a <see cref="VitrineException"/>, soon.</summary>
public sealed class TokenizerFuzzTests
{
    private const int Seconds = 4;
    private static readonly Gen<(int Place, byte Value, int Kind)[]> Changes = Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Byte, Gen.Int[0, 3]).Array[1, 4];

    public static TheoryData<string> Readers()
        => ["pipeline-uni_pre/tokenizer.json", "pipeline-l3/tokenizer.json", "pipeline-wpbert/tokenizer.json", "sentencepiece-uni/tokenizer.model",
            "sentencepiece-bpeid/tokenizer.model"];

    [Theory, MemberData(nameof(Readers))]
    public void A_changed_file_is_read_or_refused(string name)
    {
        var bytes = File.ReadAllBytes(Path.Combine(TokenizerFolders.Of(Path.GetDirectoryName(name)!), Path.GetFileName(name)));
        using var folder = new TemporaryFolder();
        Changes.Sample(
            changes =>
            {
                var file = folder.Write($"{Guid.NewGuid():N}{Path.GetExtension(name)}", Changed(bytes, changes));
                OnlyRefuses(() => Tokenizer.Open(file).Encode("the robot's  cup 12 é 😀\n"));
                File.Delete(file);
            },
            time: Seconds, threads: 1);
    }

    [Fact]
    public void A_changed_template_renders_or_is_refused()
    {
        var template = Encoding.UTF8.GetBytes(
            """{% set ns = namespace(n=0) %}{%- for m in messages if m.role != 'x' -%}{{ loop.index0 ~ m['role'] | trim }}"""
            + """{% if m.content[1:] is string and not loop.last %}{{ m | tojson(indent=2) }}{% elif 1 + 2 * 3 > ns.n %}{% set ns.n = ns.n + 1 %}{% endif %}"""
            + """{% endfor %}{% macro f(a, b=1) %}{{ a }}{% endmacro %}{{ f([1, {'k': 2.5}]) }}""");
        Changes.Sample(changes => OnlyRefuses(() => ChatTemplate.Parse(Encoding.UTF8.GetString(Changed(template, changes)), "fuzz")
            .Render([new ChatMessage("user", "hi"), new ChatMessage("x", "y")])), time: Seconds, threads: 1);
    }

    private static void OnlyRefuses(Action action)
    {
        try
        {
            action();
        }
        catch (VitrineException)
        {
            // Refused, as it should be.
        }
    }

    private static byte[] Changed(byte[] bytes, (int Place, byte Value, int Kind)[] changes)
    {
        var changed = bytes.ToList();
        foreach (var (place, value, kind) in changes)
        {
            var at = place % Math.Max(1, changed.Count);
            switch (changed.Count == 0 ? 3 : kind)
            {
                case 0:
                    changed[at] = value;
                    break;
                case 1:
                    changed.RemoveAt(at);
                    break;
                case 2:
                    changed.RemoveRange(at, changed.Count - at);
                    break;
                default:
                    changed.Insert(at, value);
                    break;
            }
        }

        return [.. changed];
    }
}
