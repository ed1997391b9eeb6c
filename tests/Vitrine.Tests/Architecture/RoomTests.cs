using System.Reflection;
using System.Xml.Linq;

namespace Vitrine.Tests.Architecture;

/// <summary>The arrows between the rooms, as docs/architecture.md draws them.</summary>
public sealed class RoomTests
{
    /// <summary>From left to right: a room may use what stands behind it in this list.</summary>
    private static readonly string[] Rooms =
        ["Cli", "Studio", "Certification", "Views", "Worlds", "Mechanisms", "Policies", "Transformers", "Inputs", "Checkpoints"];

    public static TheoryData<string> Names() => [.. Rooms];

    [Theory, MemberData(nameof(Names))]
    public void A_room_is_referenced_only_by_rooms_to_its_left(string room)
    {
        var project = XDocument.Load(Path.Combine(Fixtures.Repository, "src", $"Vitrine.{room}", $"Vitrine.{room}.csproj"));
        var used = project.Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value)["Vitrine.".Length..])
            .ToArray();
        used.ShouldBeSubsetOf(Rooms.SkipWhile(r => r != room).Skip(1));
    }

    [Theory, MemberData(nameof(Names))]
    public void A_compiled_room_uses_only_rooms_to_its_right(string room)
    {
        var assembly = Assembly.Load(room == "Cli" ? "vitrine" : $"Vitrine.{room}");
        var used = assembly.GetReferencedAssemblies().Select(a => a.Name!).Where(n => n.StartsWith("Vitrine.", StringComparison.Ordinal))
            .Select(n => n["Vitrine.".Length..]);
        used.ShouldBeSubsetOf(Rooms.SkipWhile(r => r != room).Skip(1));
    }

    [Fact]
    public void Every_project_is_a_known_room()
        => Directory.GetDirectories(Path.Combine(Fixtures.Repository, "src")).Select(d => Path.GetFileName(d)!).Where(d => d != "Vitrine")
            .Select(d => d["Vitrine.".Length..])
            .Order(StringComparer.Ordinal)
            .ShouldBe(Rooms.Order(StringComparer.Ordinal));

    [Fact]
    public void One_project_names_every_room_of_the_library_and_holds_no_code()
    {
        var folder = Path.Combine(Fixtures.Repository, "src", "Vitrine");
        XDocument.Load(Path.Combine(folder, "Vitrine.csproj")).Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value)["Vitrine.".Length..]).ShouldBe(Rooms.Except(["Cli", "Studio"]));
        Directory.GetFiles(folder, "*.cs").ShouldBeEmpty();
    }

    [Fact]
    public void What_certifies_draws_nothing()
        => Assembly.Load("Vitrine.Certification").GetReferencedAssemblies().ShouldNotContain(a => a.Name == "Vitrine.Views");

    [Fact]
    public void Pictures_and_tokenizers_do_without_libtorch()
        => Assembly.Load("Vitrine.Inputs").GetReferencedAssemblies().ShouldNotContain(a => a.Name == "TorchSharp");
}
