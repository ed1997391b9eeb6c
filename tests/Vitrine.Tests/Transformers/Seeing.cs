using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Inputs.Pictures;
using Vitrine.Transformers;

namespace Vitrine.Tests.Transformers;

/// <summary>Fixtures of models that read pictures and texts, whatever they are called.</summary>
internal static class Seeing
{
    /// <summary>Names of folders below models/ that hold one.</summary>
    public static TheoryData<string> Models()
    {
        var data = new TheoryData<string>();
        var models = Path.Combine(Fixtures.Root, "models");
        foreach (var folder in Directory.Exists(models) ? Directory.GetDirectories(models).Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            using var fixture = Fixture.Open(folder);
            if (new VisionLanguageCertifier().Knows(fixture))
            {
                data.Add(Path.GetFileName(folder));
            }
        }

        return data;
    }

    public static TextModel Open(string name, ModelOptions? options = null) => TextModel.Open(Fixtures.Of("models", name), options);

    /// <summary>The first case of a fixture, its row repeated, without its last words in all rows but the first.</summary>
    public static TokenBatch Batch(Fixture fixture, int rows, int shorter = 0, bool padLeft = false)
    {
        var one = VisionLanguageCertifier.Batch(fixture, FirstCase(fixture));
        return TokenBatch.Of([.. Enumerable.Range(0, rows).Select(r => (IReadOnlyList<int>)[.. one.Ids[0].SkipLast(r == 0 ? 0 : shorter)])], padLeft)
            .With([.. Enumerable.Repeat(one.Pictures![0], rows)]);
    }

    public static TokenBatch Batch(string name, int rows = 1)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        return Batch(fixture, rows);
    }

    /// <summary>
    /// Two prompts: the first case's row, and one that shows a second picture behind the same picture and words; neither is a multiple of the other.
    /// </summary>
    public static (IReadOnlyList<int> Ids, IReadOnlyList<Preparation> Pictures)[] OneAndTwoPictures(string name)
    {
        var one = Batch(name);
        var (ids, picture) = (one.Ids[0], one.Pictures![0][0]);
        int placeholder = ids.GroupBy(id => id).MaxBy(g => g.Count())!.Key;
        int[] shown = [.. ids.SkipWhile(id => id != placeholder).TakeWhile(id => id == placeholder)];
        var first = ids.TakeWhile(id => id != placeholder).Count();
        int[] twice = [.. ids.Take(first), .. shown, .. ids.Skip(first).TakeWhile(id => id != placeholder), .. ids.Skip(first)];
        return [(ids, [picture]), (twice, [Darker(picture), picture])];
    }

    /// <summary>Another picture of the same size.</summary>
    public static Preparation Darker(Preparation picture)
        => picture with { Pixels = [.. picture.Pixels.Select(p => new Pixels(p.Channels, p.Height, p.Width, [.. p.Values.Select(v => (v / 2) - 0.25f)]))] };

    private static string FirstCase(Fixture fixture) => fixture.Meta.GetProperty("cases")[0].GetString()!;
}
