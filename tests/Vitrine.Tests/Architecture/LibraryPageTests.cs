using System.Reflection;

namespace Vitrine.Tests.Architecture;

public sealed class LibraryPageTests
{
    [Theory, MemberData(nameof(Rooms.Names), MemberType = typeof(Rooms))]
    public void Every_public_type_stands_on_the_page(string room)
    {
        var page = File.ReadAllText(Path.Combine(Fixtures.Repository, "docs", "library.md"));
        Assembly.Load($"Vitrine.{room}").GetExportedTypes().Where(t => !t.IsNested).Select(t => t.Name.Split('`')[0])
            .Where(name => !page.Contains($"`{name}`", StringComparison.Ordinal) && !page.Contains($"`{name}<", StringComparison.Ordinal)).ShouldBeEmpty();
    }
}
