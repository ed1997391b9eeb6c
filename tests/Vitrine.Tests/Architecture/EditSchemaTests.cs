using System.Reflection;
using Vitrine.Transformers.Edits;

namespace Vitrine.Tests.Architecture;

/// <summary><c>docs/edits.schema.json</c> is what the types say, and <c>docs/edits.md</c> names every kind and field.</summary>
/// <remarks>To accept a change, run the test once with <c>VITRINE_ACCEPT_API=1</c> and commit the file.</remarks>
public class EditSchemaTests
{
    private static string Docs(string name) => Path.Combine(Fixtures.Repository, "docs", name);

    [Fact]
    public void The_schema_is_that_of_the_types()
    {
        if (Environment.GetEnvironmentVariable("VITRINE_ACCEPT_API") == "1")
        {
            File.WriteAllText(Docs("edits.schema.json"), EditSchema.Text());
        }

        File.ReadAllText(Docs("edits.schema.json")).ShouldBe(EditSchema.Text(), "see the remarks of this class");
    }

    [Fact]
    public void The_page_shows_every_kind()
    {
        var page = File.ReadAllText(Docs("edits.md"));
        string[] kinds = [.. typeof(Edit).Assembly.GetTypes().Select(t => t.GetCustomAttribute<EditNameAttribute>()?.Name).OfType<string>()];
        kinds.Length.ShouldBeGreaterThan(8);
        kinds.Where(k => !page.Contains($"\"edit\": \"{k}\"", StringComparison.Ordinal)).ShouldBeEmpty();
    }
}
