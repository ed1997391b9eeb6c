using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Vitrine.Transformers.Edits;

/// <summary>Finds the kinds of edits for JSON: every record with an <see cref="EditNameAttribute"/>, of this library and of those that use it.</summary>
internal static class EditTypes
{
    private const string OwnEdits = "Only edits of one's own are found by reflection, in the assemblies that are loaded; those of this library are known.";

    /// <summary>Knows the edits of all libraries that are loaded when it is asked.</summary>
    /// <param name="further">What else is written and read with plans in it; null for nothing.</param>
    public static IJsonTypeInfoResolver Resolver(IJsonTypeInfoResolver? further = null)
        => JsonTypeInfoResolver.Combine(PlanJsonContext.Default, further, Reflected()).WithAddedModifier(Polymorphic);

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = OwnEdits)]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = OwnEdits)]
    private static DefaultJsonTypeInfoResolver Reflected() => new();

    /// <summary>The names of all kinds, in order.</summary>
    public static IReadOnlyList<string> Names() => [.. All().Select(e => e.Name).Distinct().Order(StringComparer.Ordinal)];

    private static void Polymorphic(JsonTypeInfo type)
    {
        if (type.Type != typeof(Edit))
        {
            return;
        }

        type.PolymorphismOptions = new JsonPolymorphismOptions
        {
            TypeDiscriminatorPropertyName = "edit",
            UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization,
        };
        foreach (var kinds in All().GroupBy(e => e.Name))
        {
            type.PolymorphismOptions.DerivedTypes.Add(kinds.ToArray() is [var (name, only)]
                ? new JsonDerivedType(only, name)
                : throw new VitrineException(
                    $"edit '{kinds.Key}': {string.Join(" and ", kinds.Select(k => k.Type.FullName))} have the same name; each needs its own."));
        }
    }

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = OwnEdits)]
    private static IEnumerable<(string Name, Type Type)> All()
    {
        var home = typeof(Edit).Assembly;
        return AppDomain.CurrentDomain.GetAssemblies()
            .Where(a => a == home || (!a.IsDynamic && a.GetReferencedAssemblies().Any(r => r.Name == home.GetName().Name)))
            .SelectMany(a => a.GetTypes())
            .Where(t => t.IsSubclassOf(typeof(Edit)) && !t.IsAbstract)
            .Select(t => (t.GetCustomAttribute<EditNameAttribute>()?.Name, Type: t))
            .Where(t => t.Name is not null)!;
    }
}
