using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine edits [KIND]</c>: every kind of edit with its fields, and the scopes.</summary>
/// <remarks>What it prints is <c>docs/edits.schema.json</c>, which the tests hold against the types.</remarks>
internal static class EditsCommand
{
    private const string SchemaName = "edits.schema.json";
    private const string Footer = """
        A plan is {"capture": [ADDRESS...], "edits": [{"edit": KIND, FIELD: ...}...]}; 'vitrine edits KIND' shows one kind, --json the schema.
        In the command line: --clamp 5:111=3, --ablate language.5.attn.z:1, --add FILE.safetensors:KEY=2, --add-control-vector FILE.gguf.
        """;

    public static Command Create()
    {
        var kind = new Argument<string?>("KIND") { Description = "One kind, in full.", Arity = ArgumentArity.ZeroOrOne };
        var json = new Option<bool>("--json") { Description = "Print the JSON schema of plans." };
        var command = new Command("edits", "List the kinds of edits that a plan may hold, with their fields and scopes.") { kind, json };
        command.SetAction((parsed, _) =>
        {
            var text = Schema();
            if (parsed.GetValue(json))
            {
                Console.WriteLine(text);
                return Task.FromResult(0);
            }

            var definitions = JsonNode.Parse(text)!["$defs"]!.AsObject();
            if (parsed.GetValue(kind) is { } one)
            {
                PrintOne(one, definitions);
                return Task.FromResult(0);
            }

            var table = Output.Table("edit", "fields", "what it does");
            foreach (var (name, edit) in Edits(definitions))
            {
                table.Add(name, string.Join(", ", Fields(edit).Select(f => f.IsRequired ? f.Name : $"[{f.Name}]")), Text(edit));
            }

            AnsiConsole.Write(table);
            PrintFields("scope: where within the point, all optional", definitions["scope"]!.AsObject());
            PrintFields("positions: of the scope, or the keys of knock_out; what several say is added up", definitions["positions"]!.AsObject());
            Console.WriteLine(Footer);
            return Task.FromResult(0);
        });
        return command;
    }

    private static void PrintOne(string kind, JsonObject definitions)
    {
        var (name, edit) = Edits(definitions).FirstOrDefault(e => e.Name == kind);
        if (edit is null)
        {
            throw new VitrineException($"edits: '{kind}' is no kind of edit; expected one of {string.Join(", ", Edits(definitions).Select(e => e.Name))}.");
        }

        Console.WriteLine($"{name}: {Text(edit)}");
        PrintFields("fields", edit);
    }

    private static void PrintFields(string title, JsonObject definition)
    {
        Console.WriteLine(title);
        var table = Output.Table("field", "value", "what it says");
        foreach (var (name, isRequired, field) in Fields(definition))
        {
            table.Add(isRequired ? name : $"[{name}]", Type(field), Text(field));
        }

        AnsiConsole.Write(table);
    }

    private static IEnumerable<(string Name, JsonObject Edit)> Edits(JsonObject definitions)
        => definitions.Where(d => d.Value!["properties"]?["edit"] is not null).Select(d => (d.Key, d.Value!.AsObject()));

    private static IEnumerable<(string Name, bool IsRequired, JsonObject Field)> Fields(JsonObject definition)
    {
        var required = definition["required"]?.AsArray().Select(r => r!.GetValue<string>()).ToHashSet() ?? [];
        return definition["properties"]!.AsObject().Where(p => p.Key != "edit").Select(p => (p.Key, required.Contains(p.Key), p.Value!.AsObject()));
    }

    private static string Text(JsonObject definition) => definition["description"]?.GetValue<string>() ?? "";

    /// <summary>A field's type in a word or two.</summary>
    private static string Type(JsonObject field)
        => field["$ref"] is { } reference ? reference.GetValue<string>().Split('/')[^1]
            : field["enum"] is JsonArray values ? string.Join(" or ", values.Select(v => v!.GetValue<string>()))
            : field["type"]?.GetValue<string>() is not "array" and var type ? type ?? ""
            : $"list of {(field["items"] is JsonObject items ? Type(items) : "values")}s";

    private static string Schema()
    {
        using var stream = typeof(EditsCommand).Assembly.GetManifestResourceStream(SchemaName)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().TrimEnd();
    }
}
