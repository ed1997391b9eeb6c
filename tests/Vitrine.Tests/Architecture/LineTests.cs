namespace Vitrine.Tests.Architecture;

public sealed class LineTests
{
    private const int Columns = 160;

    [Theory, InlineData("src"), InlineData("tests"), InlineData("benchmarks"), InlineData("examples")]
    public void Lines_end_by_160_columns(string folder)
        => Directory.EnumerateFiles(Path.Combine(Fixtures.Repository, folder), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
            .SelectMany(f => File.ReadLines(f).Index().Where(l => l.Item.Length > Columns).Select(l => $"{f}:{l.Index + 1}"))
            .ShouldBeEmpty();
}
