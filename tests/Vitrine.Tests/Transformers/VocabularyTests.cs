using System.Text.RegularExpressions;
using Vitrine.Certification;
using Vitrine.Transformers.Points;

namespace Vitrine.Tests.Transformers;

/// <summary>Engine, README of the fixtures and fixtures speak of the same points.</summary>
public sealed partial class VocabularyTests
{
    public static TheoryData<string> Models() => Subject.Names();

    [Fact]
    public void The_table_of_the_readme_is_the_vocabulary_of_blocks()
    {
        var table = File.ReadLines(Fixtures.Of("README.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal));
        var names = table.SelectMany(line => Name().Matches(line.Split('|')[1]).Select(m => m.Groups[1].Value));
        names.Order(StringComparer.Ordinal).ShouldBe(PointVocabulary.All.Where(p => p.IsInBlock).Select(p => p.Name).Order(StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Models))]
    public void Every_golden_point_exists_in_the_model_with_the_axes_that_the_vocabulary_says(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        using var model = Subject.Open(name);
        var places = model.Stacks.SelectMany(s => s.Places()).ToHashSet();
        var compared = 0;
        foreach (var key in fixture.Keys)
        {
            var address = key[(key.LastIndexOf('/') + 1)..];
            if (!model.Stacks.Any(s => address.StartsWith($"{s.Name}.", StringComparison.Ordinal)))
            {
                continue;
            }

            using var golden = fixture.Read(key);
            if (!golden.is_floating_point())
            {
                continue; // Places of patches: whole numbers are no activations.
            }

            var parsed = Address.Parse(address);
            places.ShouldContain(parsed, key);
            (parsed.Point.Axes == PointAxes.Stream ? golden.dim() is 2 or 3 : golden.dim() == 4 || (golden.dim() == 3 && !parsed.Point.IsInBlock))
                .ShouldBeTrue(key);
            compared++;
        }

        compared.ShouldBeGreaterThan(0);
    }

    [Theory, MemberData(nameof(Models))]
    public void A_model_has_no_block_point_that_its_golden_lacks(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        using var model = Subject.Open(name);
        var first = $"{fixture.Meta.GetProperty("cases")[0].GetString()}/{model.Shape.Name}.0.";
        var golden = fixture.Keys.Where(k => k.StartsWith(first, StringComparison.Ordinal)).Select(k => k[first.Length..]).Order(StringComparer.Ordinal);
        model.Shape.Points.Where(p => p.IsInBlock).Select(p => p.Name).Order(StringComparer.Ordinal).ShouldBe(golden);
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Name();
}
