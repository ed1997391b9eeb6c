using System.Text.RegularExpressions;

namespace Vitrine.Tests.Documents;

/// <summary>The C# of the pages for people and agents that come from elsewhere does what they say.</summary>
public sealed partial class DocumentTests
{
    /// <summary>Cells that are no calls: the command's lines and addresses.</summary>
    private static readonly string[] Others = ["`vitrine ", "`language."];

    [Fact]
    public void The_agents_calls_run_as_they_stand() => Snippet.Run(Snippet.Of(Page("docs/agents.md")).ShouldHaveSingleItem()).ShouldNotBeEmpty();

    [Fact]
    public void Every_call_of_the_neighbours_page_compiles_and_runs()
    {
        var page = Page("docs/coming-from.md");
        var calls = Calls(page);
        calls.Count.ShouldBeGreaterThan(40);
        var program = Snippet.Of(page).ShouldHaveSingleItem() + string.Concat(calls.Select(c => $"Keep({c});\n"))
            + "static void Keep(object? value) => (value as IDisposable)?.Dispose();\n";
        Snippet.Errors(program).ShouldBeEmpty();
        Snippet.Run(program);
    }

    /// <summary>An address of the page is one that a model has.</summary>
    [Fact]
    public void Every_address_of_the_neighbours_page_exists()
    {
        using var model = Vitrine.Transformers.TextModel.Open(Path.Combine(Fixtures.Repository, "tests", "fixtures", "models", "llama"));
        var places = model.Stacks.SelectMany(s => s.Places()).Select(p => p.ToString()).ToHashSet();
        var named = AddressTable().Matches(Page("docs/coming-from.md")).Select(m => m.Groups[1].Value).Distinct().ToArray();
        named.Length.ShouldBeGreaterThan(15);
        named.Where(a => !places.Contains(a)).ShouldBeEmpty();
    }

    /// <summary>Our side of the tables.</summary>
    private static List<string> Calls(string page)
        => [.. page.Split('\n').Where(l => l.StartsWith('|')).Select(l => l.Split('|')[2].Trim())
            .Where(cell => cell.StartsWith('`') && !Others.Any(o => cell.StartsWith(o, StringComparison.Ordinal)))
            .Select(cell => cell[1..cell.IndexOf('`', 1)])];

    private static string Page(string name) => File.ReadAllText(Path.Combine(Fixtures.Repository, name)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"`(language\.[a-z0-9_.]+)`")]
    private static partial Regex AddressTable();
}
