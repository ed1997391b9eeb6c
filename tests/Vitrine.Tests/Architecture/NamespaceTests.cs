using Mono.Cecil;

namespace Vitrine.Tests.Architecture;

/// <summary>
/// The arrows between the namespaces inside Transformers, as docs/architecture.md draws them: each uses exactly those that stand behind it here.
/// </summary>
public sealed class NamespaceTests
{
    private const string Room = "Vitrine.Transformers";

    /// <remarks>"" is the face: models, plans, runs, and the values in which they speak (tokens, labels, starts).</remarks>
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Captures"] = ["", "Edits", "Engine", "Points"],
        ["Caches"] = ["", "Engine", "Points"],
        [""] = ["Edits", "Engine", "Families", "Points", "Weights"],
        ["Families"] = ["", "Engine", "Points"],
        ["Weights"] = ["", "Engine", "Points"],
        ["Engine"] = ["", "Edits", "Points", "Weights"],
        ["Edits"] = ["", "Engine", "Points"],
        ["Points"] = [],
    };

    public static TheoryData<string> Names() => [.. Arrows.Keys];

    [Theory, MemberData(nameof(Names))]
    public void A_namespace_uses_what_is_drawn_and_nothing_else(string name)
    {
        using var module = ModuleDefinition.ReadModule(Path.Combine(AppContext.BaseDirectory, $"{Room}.dll"));
        var used = module.GetTypes().Where(t => NameOf(t) == name).SelectMany(Used).Select(NameOf).OfType<string>().Where(n => n != name).Distinct();
        used.Order(StringComparer.Ordinal).ShouldBe(Arrows[name].Order(StringComparer.Ordinal), $"namespace '{name}'");
    }

    [Fact]
    public void Every_namespace_is_drawn()
    {
        using var module = ModuleDefinition.ReadModule(Path.Combine(AppContext.BaseDirectory, $"{Room}.dll"));
        module.GetTypes().Select(NameOf).OfType<string>().Distinct().Order(StringComparer.Ordinal).ShouldBe(Arrows.Keys.Order(StringComparer.Ordinal));
    }

    /// <summary>Below the room's; null for what others made (the compiler, libraries).</summary>
    private static string? NameOf(TypeReference type)
    {
        while (type.DeclaringType is { } outer)
        {
            type = outer;
        }

        return type.Namespace == Room ? "" : type.Namespace.StartsWith($"{Room}.", StringComparison.Ordinal) ? type.Namespace[(Room.Length + 1)..] : null;
    }

    private static IEnumerable<TypeReference> Used(TypeDefinition type)
    {
        IEnumerable<TypeReference?> named =
        [
            type.BaseType,
            .. type.Interfaces.Select(i => i.InterfaceType),
            .. type.Fields.Select(f => f.FieldType),
            .. type.Methods.SelectMany(m => m.Parameters.Select(p => p.ParameterType).Append(m.ReturnType)),
            .. type.Methods.Where(m => m.HasBody).SelectMany(m => m.Body.Variables.Select(v => v.VariableType)),
            .. type.Methods.Where(m => m.HasBody).SelectMany(m => m.Body.Instructions).SelectMany(i => i.Operand switch
            {
                TypeReference t => [t],
                MethodReference m
                    => (TypeReference[])[m.DeclaringType, m.ReturnType, .. m.Parameters.Select(p => p.ParameterType),
                        .. m is GenericInstanceMethod g ? g.GenericArguments : []],
                FieldReference f => [f.DeclaringType, f.FieldType],
                _ => [],
            }),
        ];
        return named.OfType<TypeReference>().SelectMany(Parts);
    }

    private static IEnumerable<TypeReference> Parts(TypeReference type) => type switch
    {
        GenericInstanceType generic => generic.GenericArguments.SelectMany(Parts).Append(generic.ElementType),
        TypeSpecification of => Parts(of.ElementType),
        _ => [type],
    };
}
