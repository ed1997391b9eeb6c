using System.Text.Json;
using Vitrine.Inputs.Chat;
using Vitrine.Tests.Inputs.Tokenizers;

namespace Vitrine.Tests.Inputs.Chat;

public sealed class ChatTemplateTests
{
    private static readonly ChatMessage[] Hello = [new("user", "Hello")];

    [Fact]
    public void Every_golden_template_renders_as_Jinja_renders_it()
    {
        var golden = Path.Combine(Fixtures.Of("chats", "jinja"), "golden.json");
        using var json = JsonDocument.Parse(File.ReadAllBytes(golden));
        var cases = json.RootElement.EnumerateArray().ToArray();
        cases.Length.ShouldBeGreaterThan(100);
        cases.Where(c => Rendered(c) != c.GetProperty("text").GetString()).Select(c => $"{c.GetProperty("template").GetString()} gives {Rendered(c)}")
            .ShouldBeEmpty();
    }

    [Theory]
    [InlineData("{% include 'a' %}", "line 1: the tag 'include' is not computed")]
    [InlineData("a\n\n{{ x | wordwrap }}", "line 3: the filter 'wordwrap' is not computed")]
    [InlineData("\n{% if x is weekday %}{% endif %}", "line 2: the test 'weekday' is not computed")]
    [InlineData("{% call m() %}{% endcall %}", "the tag 'call'")]
    [InlineData("{% for x in y recursive %}{% endfor %}", "recursive")]
    [InlineData("{% if true %}", "the template ends where")]
    [InlineData("{{ 1 + }}", "line 1")]
    [InlineData("{{ 'a }}", "does not end")]
    [InlineData("{{ 1", "without its '}}'")]
    [InlineData("{{ 99999999999999999999 }}", "too large")]
    [InlineData("{% break %}", "outside of a loop")]
    [InlineData("{{ f(*a) }}", "unpacked arguments")]
    public void What_is_outside_the_subset_is_refused_by_name_and_line(string template, string expected)
        => Should.Throw<VitrineException>(() => ChatTemplate.Parse(template,
            "model/chat_template.jinja")).Message.ShouldSatisfyAllConditions(m => m.ShouldStartWith("model/chat_template.jinja: "),
                m => m.ShouldContain(expected));

    [Theory]
    [InlineData("\n{{ raise_exception('no tools') }}", "line 2: the template refuses these messages: no tools")]
    [InlineData("{{ messages[0].content.encode('utf8') }}", "the method 'encode'")]
    [InlineData("{{ messages.append(1) }}", "immutable")]
    [InlineData("{{ nobody.x }}", "'nobody' is undefined")]
    [InlineData("{{ 1 // 0 }}", "'//'")]
    [InlineData("{{ 9223372036854775807 + 1 }}", "'+'")]
    [InlineData("{{ nobody() }}", "cannot be called")]
    public void What_goes_wrong_while_rendering_is_told_with_its_line(string template, string expected)
        => Should.Throw<VitrineException>(() => ChatTemplate.Parse(template, "t").Render(Hello)).Message.ShouldContain(expected);

    [Theory]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}")]
    [InlineData("{{ range(1000000000) }}")]
    [InlineData("{{ 'a' * 1000000000 }}")]
    [InlineData("{% set ns = namespace(s='ab') %}{% for i in range(90) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}")]
    [InlineData("{% set ns = namespace(s=[1]) %}{% for i in range(90) %}{% set ns.s = ns.s + ns.s %}{% endfor %}")]
    [InlineData("{% set ns = namespace(s=[]) %}{% for i in range(90000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}")]
    [InlineData("{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s == ns.s }}{{ ns.s | tojson }}")]
    [InlineData("{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}")]
    [InlineData("{{ 2 ** 9999999999 }}")]
    [InlineData("{{ 'x' | indent(100000000) }}{{ messages | tojson(indent=1000000000) }}{{ 'aaaa' | replace('a', 'b' * 10000000) | length }}")]
    public void A_template_that_wants_too_much_is_stopped(string template)
        => Should.Throw<VitrineException>(() => ChatTemplate.Parse(template, "t").Render(Hello));

    /// <remarks>Right values: Python 3.11, jinja2's print and json.dumps of json.loads of the same text.</remarks>
    [Theory]
    [InlineData("9007199254740993", "9007199254740993", "9007199254740993")]
    [InlineData("123456789012345678901234567890", "123456789012345678901234567890", "123456789012345678901234567890")]
    [InlineData("-18446744073709551616", "-18446744073709551616", "-18446744073709551616")]
    [InlineData("9223372036854775808", "9223372036854775808", "9223372036854775808")]
    [InlineData("-0", "0", "0")]
    [InlineData("1.0", "1.0", "1.0")]
    [InlineData("1e2", "100.0", "100.0")]
    [InlineData("1e16", "1e+16", "1e+16")]
    [InlineData("123456789012345680.0", "1.2345678901234568e+17", "1.2345678901234568e+17")]
    [InlineData("0.1", "0.1", "0.1")]
    [InlineData("0.00001", "1e-05", "1e-05")]
    [InlineData("1e400", "inf", "Infinity")]
    [InlineData("-1e400", "-inf", "-Infinity")]
    [InlineData("-0.0", "-0.0", "-0.0")]
    [InlineData("5e-324", "5e-324", "5e-324")]
    [InlineData("2.98023223876953125e-08", "2.9802322387695312e-08", "2.9802322387695312e-08")]
    [InlineData("7.120236347223045e-307", "7.120236347223045e-307", "7.120236347223045e-307")]
    [InlineData("1.7976931348623157e308", "1.7976931348623157e+308", "1.7976931348623157e+308")]
    public void A_number_of_a_message_is_printed_as_Python_prints_it(string number, string printed, string json)
    {
        using var messages = JsonDocument.Parse($$"""[{"role": "user", "content": {{number}}}]""");
        Rendered("{{ messages[0].content }}").ShouldBe(printed);
        Rendered("{{ messages[0].content | string }}").ShouldBe(printed);
        Rendered("{{ messages[0].content | tojson }}").ShouldBe(json);
        Rendered("{{ [messages[0].content] }}").ShouldBe($"[{printed}]");
        Rendered("{{ messages[0].content is number }}").ShouldBe("True");
        Rendered("{{ messages[0].content == messages[0].content }}").ShouldBe("True");

        string Rendered(string template) => ChatTemplate.Parse(template, "t").Render(messages.RootElement);
    }

    [Theory]
    [InlineData("{{ messages[0].content == 9007199254740992.0 }}", "9007199254740993", "False")]
    [InlineData("{{ messages[0].content > 9007199254740992.0 }}", "9007199254740993", "True")]
    [InlineData("{{ messages[0].content > 9223372036854775807 }}", "18446744073709551616", "True")]
    [InlineData("{{ messages[0].content < 0.5 }}", "-18446744073709551616", "True")]
    [InlineData("{{ messages[0].content is integer }}", "18446744073709551616", "True")]
    [InlineData("{{ messages[0].content is even }}", "18446744073709551616", "True")]
    [InlineData("{{ messages[0].content | int }}", "\"18446744073709551616\"", "18446744073709551616")]
    [InlineData("{{ messages[0].content | abs }}", "-18446744073709551616", "18446744073709551616")]
    [InlineData("{{ messages[0].content + 1 }}", "41", "42")]
    [InlineData("{{ 'abc'[messages[0].content] }}", "1", "b")]
    [InlineData("{{ 'yes' if messages[0].content else 'no' }}", "18446744073709551616", "yes")]
    public void Numbers_beyond_64_bits_compare_as_Python_compares_them(string template, string number, string expected)
    {
        using var messages = JsonDocument.Parse($$"""[{"role": "user", "content": {{number}}}]""");
        ChatTemplate.Parse(template, "t").Render(messages.RootElement).ShouldBe(expected);
    }

    [Theory]
    [InlineData("{{ messages[0].content + 1 }}", "18446744073709551616", "beyond 64 bits is not computed")]
    [InlineData("{{ range(messages[0].content) }}", "18446744073709551616", "beyond 64 bits")]
    [InlineData("{{ messages[0].content / 3 }}", "9007199254740993", "beyond 53 bits is not computed")]
    public void What_is_not_computed_of_them_is_refused(string template, string number, string expected)
    {
        using var messages = JsonDocument.Parse($$"""[{"role": "user", "content": {{number}}}]""");
        Should.Throw<VitrineException>(() => ChatTemplate.Parse(template, "t").Render(messages.RootElement)).Message.ShouldContain(expected);
    }

    [Fact]
    public void A_number_that_Python_would_not_read_is_refused()
    {
        using var messages = JsonDocument.Parse($$"""[{"role": "user", "content": {{new string('9', 4301)}}}]""");
        Should.Throw<VitrineException>(() => ChatTemplate.Parse("{{ messages[0].content }}", "t").Render(messages.RootElement)).Message.ShouldContain("4300");
    }

    [Fact]
    public void Deep_nesting_is_refused_and_not_followed()
    {
        Should.Throw<VitrineException>(() => ChatTemplate.Parse("{{ " + new string('(', 50_000) + "1" + new string(')', 50_000) + " }}",
            "t")).Message.ShouldContain("nested deeper");
        Should.Throw<VitrineException>(() => ChatTemplate.Parse("{{ " + string.Concat(Enumerable.Repeat("not ", 50_000)) + "1 }}",
            "t")).Message.ShouldContain("nested deeper");
        Should.Throw<VitrineException>(() => ChatTemplate.Parse(string.Concat(Enumerable.Repeat("{% if 1 %}", 50_000)),
            "t")).Message.ShouldContain("nested deeper");
    }

    [Fact]
    public void A_folder_s_template_is_found_with_its_special_tokens()
    {
        using var folder = new TemporaryFolder();
        Should.Throw<VitrineException>(() => ChatTemplate.Open(folder.Path)).Message.ShouldContain("chat_template.jinja");
        folder.Write("tokenizer_config.json",
            """{"bos_token": {"content": "<s>"}, "chat_template": [{"name": "default", "template": "{{ bos_token }}{{ messages[0].content }}"}, """
                + """{"name": "tool_use", "template": "tools"}]}""");
        ChatTemplate.Open(folder.Path).Render(Hello).ShouldBe("<s>Hello");
        ChatTemplate.Open(folder.Path, "tool_use").Render(Hello).ShouldBe("tools");
        folder.Write("chat_template.jinja", "{{ messages[0].role }}");
        ChatTemplate.Open(folder.Path).Render(Hello).ShouldBe("user");
    }

    [Fact]
    public void The_date_comes_from_the_clock()
    {
        var template = ChatTemplate.Parse("x", "t");
        template.Clock.ShouldBe(TimeProvider.System);
        var dated = ChatTemplate.Parse("{{ strftime_now('%d %b %Y %-d/%m %H:%M') }}", "t", clock: new FixedClock());
        dated.Render(Hello).ShouldBe("05 Mar 2024 5/03 06:07");
    }

    private static string? Rendered(JsonElement golden)
    {
        try
        {
            return ChatTemplate.Parse(golden.GetProperty("template").GetString()!, "golden",
                golden.GetProperty("special_tokens").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!))
                .Render(golden.GetProperty("messages"), golden.GetProperty("add_generation_prompt").GetBoolean(),
                    golden.GetProperty("variables").EnumerateObject().ToDictionary(p => p.Name, p => p.Value));
        }
        catch (VitrineException)
        {
            return null;
        }
    }

    private sealed class FixedClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2024, 3, 5, 6, 7, 8, TimeSpan.Zero);
    }
}
