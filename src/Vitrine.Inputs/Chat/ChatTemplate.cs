using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Inputs.Chat;

/// <summary>A model's chat template: messages to the text that the model was trained on.</summary>
/// <remarks>
/// Templates are written in Jinja and run here in a subset of it, with the settings and functions of transformers (trim_blocks, lstrip_blocks, tojson,
/// raise_exception, strftime_now). What is outside the subset is refused by its name and line. Steps, depth and length are bounded, so a hostile template ends
/// in an error.
/// </remarks>
public sealed class ChatTemplate
{
    private readonly string source;
    private readonly IReadOnlyList<Statement> statements;
    private readonly IReadOnlyDictionary<string, object?> specialTokens;

    private ChatTemplate(string source, IReadOnlyList<Statement> statements, IReadOnlyDictionary<string, object?> specialTokens, TimeProvider clock)
        => (this.source, this.statements, this.specialTokens, Clock) = (source, statements, specialTokens, clock);

    /// <summary>The clock of <c>strftime_now</c>.</summary>
    public TimeProvider Clock { get; }

    /// <summary>Opens the template of a model's folder: <c>chat_template.jinja</c>, or <c>chat_template</c> of <c>tokenizer_config.json</c>.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="name">Which of several templates; most models have one, called <c>default</c>.</param>
    /// <param name="options">Whose reading of the folder says what its tokens are called; <see cref="TokenizerOptions.Default"/> when null.</param>
    /// <exception cref="VitrineException">There is none, or it uses what is not computed; the message names it.</exception>
    public static ChatTemplate Open(string folder, string name = "default", TokenizerOptions? options = null)
        => ChatTemplateFile.Open(folder, name, options ?? TokenizerOptions.Default);

    /// <summary>Reads a template.</summary>
    /// <param name="template">Jinja.</param>
    /// <param name="source">Where it is from, for messages.</param>
    /// <param name="specialTokens">Names that it may use, such as <c>bos_token</c>.</param>
    /// <param name="clock">What <c>strftime_now</c> reads; null for the system's.</param>
    /// <exception cref="VitrineException">It is broken, or uses what is not computed; the message names what and where.</exception>
    public static ChatTemplate Parse(string template, string source, IReadOnlyDictionary<string, string>? specialTokens = null, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(template);
        try
        {
            return new ChatTemplate(source, StatementParser.Parse(template),
                (specialTokens ?? new Dictionary<string, string>()).ToDictionary(p => p.Key, p => (object?)p.Value), clock ?? TimeProvider.System);
        }
        catch (TemplateFault e)
        {
            throw new VitrineException($"{source}: {e.Message}.", e);
        }
    }

    /// <summary>The text of a conversation.</summary>
    /// <param name="messages">In order.</param>
    /// <param name="addGenerationPrompt">Whether the text ends where the model's answer begins.</param>
    public string Render(IEnumerable<ChatMessage> messages, bool addGenerationPrompt = false)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return Render(
            messages.Select(m => (object?)new Dictionary<string, object?> { ["role"] = m.Role, ["content"] = m.Content }).ToList(), addGenerationPrompt, []);
    }

    /// <summary>The text of a conversation whose messages have more than a role and a text: tools, parts, calls.</summary>
    /// <param name="messages">A list of objects, as transformers takes them.</param>
    /// <param name="addGenerationPrompt">Whether the text ends where the model's answer begins.</param>
    /// <param name="variables">More names for the template, such as <c>tools</c> or <c>enable_thinking</c>.</param>
    public string Render(JsonElement messages, bool addGenerationPrompt = false, IReadOnlyDictionary<string, JsonElement>? variables = null)
    {
        try
        {
            return Render(JsonValue(messages), addGenerationPrompt,
                (variables ?? new Dictionary<string, JsonElement>()).ToDictionary(p => p.Key, p => JsonValue(p.Value)));
        }
        catch (TemplateFault e)
        {
            throw new VitrineException($"{source}: the messages have {e.Message}.", e);
        }
    }

    private string Render(object? messages, bool addGenerationPrompt, Dictionary<string, object?> variables)
    {
        var names = Globals.Of(Clock.GetLocalNow().DateTime);
        foreach (var (name, value) in specialTokens.Concat(variables))
        {
            names[name] = value;
        }

        names["messages"] = messages;
        names["add_generation_prompt"] = addGenerationPrompt;
        names.TryAdd("tools", null);
        names.TryAdd("documents", null);
        var run = new TemplateRun(names);
        try
        {
            run.Do(statements);
            return run.Output.ToString();
        }
        catch (TemplateFault e)
        {
            throw new VitrineException($"{source}: line {run.Line}: {e.Message}.", e);
        }
        catch (Exception e) when (e is InvalidOperationException or OverflowException or ArgumentException)
        {
            throw new VitrineException($"{source}: line {run.Line}: {e.Message}", e);
        }
    }

    private static object? JsonValue(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => json.EnumerateObject().Aggregate(new Dictionary<string, object?>(StringComparer.Ordinal), (map, p) =>
        {
            map[p.Name] = JsonValue(p.Value);
            return map;
        }),
        JsonValueKind.Array => json.EnumerateArray().Select(JsonValue).ToList(),
        JsonValueKind.String => json.GetString(),
        JsonValueKind.Number => Number(json),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    /// <summary>A whole number of any size, or a float, as Python's json reads them; one without a point or an exponent is whole.</summary>
    private static object Number(JsonElement json)
    {
        var text = json.GetRawText();
        return text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0 ? json.GetDouble()
            : text.Length <= Value.MostDigits ? Value.Integer(BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture))
            : throw new TemplateFault($"a whole number of more digits than Python reads ({Value.MostDigits})");
    }
}
