using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Tests.Architecture;

/// <summary>The JSON schema of plans (draft 2020-12), made from the types, as their serializer spells them, and from their XML comments.</summary>
internal static partial class EditSchema
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly Dictionary<string, XElement> Comments = XDocument.Load(Path.Combine(AppContext.BaseDirectory, "Vitrine.Transformers.xml"))
        .Descendants("member").ToDictionary(m => m.Attribute("name")!.Value);

    public static string Text()
    {
        Type[] kinds = [.. typeof(Edit).Assembly.GetTypes().Where(t => t.GetCustomAttribute<EditNameAttribute>() is not null).OrderBy(Name)];
        var definitions = new JsonObject();
        foreach (var kind in kinds)
        {
            var made = Object(kind);
            made["properties"]!.AsObject().Insert(0, "edit", new JsonObject { ["const"] = Name(kind) });
            made["required"]!.AsArray().Insert(0, "edit");
            definitions[Name(kind)] = made;
        }

        definitions["scope"] = Object(typeof(EditScope));
        definitions["positions"] = Object(typeof(Positions));
        definitions["neurons"] = Neurons();
        definitions["value"] = Value();
        var plan = Object(typeof(RunPlan));
        plan["properties"]!["edits"]!["items"] = new JsonObject { ["oneOf"] = new JsonArray([.. kinds.Select(k => Reference(Name(k)))]) };
        plan.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
        plan.Insert(1, "title", "A plan of edits");
        plan["$defs"] = definitions;
        return plan.ToJsonString(Indented) + "\n";
    }

    private static string Name(Type kind) => kind.GetCustomAttribute<EditNameAttribute>()!.Name;

    private static JsonObject Object(Type type)
    {
        var (properties, required) = (new JsonObject(), new JsonArray());
        foreach (var property in PlanJson.Alone.GetTypeInfo(type).Properties)
        {
            var member = (PropertyInfo)property.AttributeProvider!;
            if (property.Get is null && property.Set is null)
            {
                continue;
            }

            var made = Of(property.PropertyType);
            if (Comment(type, member) is { Length: > 0 } said)
            {
                made["description"] = said;
            }

            properties[property.Name] = made;
            if (property.AssociatedParameter is { HasDefaultValue: false, IsMemberInitializer: false })
            {
                required.Add(property.Name);
            }
        }

        return new JsonObject
        {
            ["description"] = Plain(Comments[$"T:{type.FullName}"].Element("summary")),
            ["type"] = "object",
            ["properties"] = properties,
            ["required"] = required,
            ["additionalProperties"] = false,
        };
    }

    private static JsonObject Of(Type type)
    {
        var own = Nullable.GetUnderlyingType(type) ?? type;
        return own == typeof(string) ? new() { ["type"] = "string" }
            : own == typeof(bool) ? new() { ["type"] = "boolean" }
            : own == typeof(int) || own == typeof(long) ? new() { ["type"] = "integer" }
            : own == typeof(double) || own == typeof(float) ? new() { ["type"] = "number" }
            : own.IsEnum ? new() { ["enum"] = new JsonArray([.. Enum.GetNames(own).Select(n => (JsonNode)JsonNamingPolicy.SnakeCaseLower.ConvertName(n))]) }
            : own == typeof(NeuronSet) ? Reference("neurons")
            : own == typeof(EditValue) ? Reference("value")
            : own == typeof(EditScope) ? Reference("scope")
            : own == typeof(Positions) ? Reference("positions")
            : own == typeof(Edit) ? []
            : own.IsGenericType && own.GetGenericTypeDefinition() == typeof(IReadOnlyList<>)
                ? new() { ["type"] = "array", ["items"] = Of(own.GetGenericArguments()[0]) }
            : throw new NotSupportedException($"{own}: has no form in the schema yet");
    }

    private static JsonObject Neurons() => new()
    {
        ["description"] = "Feed-forward neurons of one stack, each as [layer, index], counted from 0.",
        ["type"] = "object",
        ["properties"] = new JsonObject
        {
            ["stack"] = new JsonObject { ["type"] = "string", ["default"] = "language" },
            ["neurons"] = new JsonObject
            {
                ["type"] = "array",
                ["items"] = new JsonObject
                {
                    ["type"] = "array",
                    ["items"] = new JsonObject { ["type"] = "integer", ["minimum"] = 0 },
                    ["minItems"] = 2,
                    ["maxItems"] = 2,
                },
            },
        },
        ["required"] = new JsonArray("neurons"),
        ["additionalProperties"] = false,
    };

    private static JsonObject Value() => new()
    {
        ["description"] = "Numbers in place, row by row, or a tensor of a safetensors file in the plan's folder or below.",
        ["oneOf"] = new JsonArray(
            Plain(("shape", Of(typeof(IReadOnlyList<long>))), ("data", Of(typeof(IReadOnlyList<float>)))),
            Plain(("file", Of(typeof(string))), ("key", Of(typeof(string))))),
    };

    private static JsonObject Plain(params (string Name, JsonObject Type)[] fields) => new()
    {
        ["type"] = "object",
        ["properties"] = new JsonObject(fields.Select(f => KeyValuePair.Create(f.Name, (JsonNode?)f.Type))),
        ["required"] = new JsonArray([.. fields.Select(f => (JsonNode)f.Name)]),
        ["additionalProperties"] = false,
    };

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/$defs/{name}" };

    /// <summary>What the comments say of a property, or of the parameter that it was declared by.</summary>
    private static string Comment(Type type, PropertyInfo member)
        => Plain(Comments[$"T:{type.FullName}"].Elements("param").FirstOrDefault(p => p.Attribute("name")!.Value == member.Name)
            ?? Comments.GetValueOrDefault($"P:{member.DeclaringType!.FullName}.{member.Name}")?.Element("summary"));

    private static string Plain(XElement? comment)
        => comment is null
            ? ""
            : Spaces().Replace(string.Concat(comment.Nodes().Select(Words)), " ").Trim();

    private static string Words(XNode node) => node is XElement e ? e.Attribute("cref")?.Value.Split('.')[^1] ?? e.Value : $"{node}";

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
