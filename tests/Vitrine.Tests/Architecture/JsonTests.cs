using System.Reflection;
using Mono.Cecil;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Tests.Architecture;

/// <summary>Programs of one file are built with AOT's settings, where JSON knows no reflection: the libraries write and read it without.</summary>
public sealed class JsonTests
{
    /// <remarks>The compiler's AOT analyser refuses it too (src/Directory.Build.props), unless a line asks it not to.</remarks>
    [Theory, MemberData(nameof(Rooms.Names), MemberType = typeof(Rooms))]
    public void No_room_calls_a_serializer_that_reflects(string room)
    {
        using var module = ModuleDefinition.ReadModule(Path.Combine(AppContext.BaseDirectory, $"Vitrine.{room}.dll"));
        module.GetTypes().SelectMany(t => t.Methods).Where(m => m.HasBody)
            .SelectMany(m => m.Body.Instructions.Select(i => i.Operand).OfType<MethodReference>()
                .Where(called => called.DeclaringType.FullName == "System.Text.Json.JsonSerializer" && !called.Parameters.Any(p => IsContract(p.ParameterType)))
                .Select(called => $"{m.FullName} calls {called.Name}"))
            .ShouldBeEmpty();
    }

    [Fact]
    public void Every_edit_that_comes_along_is_written_without_reflection()
        => typeof(Edit).Assembly.GetTypes().Where(t => t.GetCustomAttribute<EditNameAttribute>() is not null)
            .Where(t => PlanJsonContext.Default.GetTypeInfo(t) is null).ShouldBeEmpty();

    private static bool IsContract(TypeReference type) => type.Name.StartsWith("JsonTypeInfo", StringComparison.Ordinal);
}
