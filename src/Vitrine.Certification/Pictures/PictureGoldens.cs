using System.Text.Json;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Certification.Pictures;

/// <summary>Reads pictures out of a fixture and compares numbers.</summary>
internal static class PictureGoldens
{
    /// <summary>Largest absolute error of floats; the issue's bound for resamplers and processors.</summary>
    public const double Bound = 1e-5;

    private const string Input = "in.";

    /// <summary>Names of the input pictures, in order.</summary>
    public static IReadOnlyList<string> InputNames(Fixture fixture)
        => [.. fixture.Keys.Where(k => k.StartsWith(Input, StringComparison.Ordinal)).Select(k => k[Input.Length..]).Order(StringComparer.Ordinal)];

    /// <summary>Input pictures that lie there both as numbers and as PNG must be the same.</summary>
    public static IEnumerable<CertificateRow> Inputs(Fixture fixture)
        => InputNames(fixture).Select(name => (name, Input + name))
            .Concat(Cases(fixture).Select(name => (name, $"{name}/{Input}image")).Where(p => fixture.Has(p.Item2)))
            .Where(p => File.Exists(PathOf(fixture, p.name)))
            .Select(p => Bytes(p.name, "png", PictureFile.Read(PathOf(fixture, p.name)).Rgb, fixture.Numbers(p.Item2)));

    /// <summary>An input picture: from the golden file, or from its PNG where it is large.</summary>
    public static Picture Read(Fixture fixture, string name)
        => fixture.Has($"{name}/in.image") ? Of(fixture, $"{name}/in.image")
            : fixture.Has(Input + name) ? Of(fixture, Input + name)
            : PictureFile.Read(PathOf(fixture, name));

    /// <summary>A golden [H,W,3], or [H,W] as grey.</summary>
    public static Picture Of(Fixture fixture, string key)
    {
        var (shape, numbers) = (fixture.Shape(key), fixture.Numbers(key));
        var grey = shape.Count == 2;
        return new Picture((int)shape[1], (int)shape[0], [.. grey ? numbers.SelectMany(v => Enumerable.Repeat((byte)v, 3)) : numbers.Select(v => (byte)v)]);
    }

    /// <summary>Whose resize the reference ran: Pillow 13 has another order of passes.</summary>
    public static ResizeEngine Engine(Fixture fixture)
        => fixture.Meta.TryGetProperty("reference", out var reference) && reference.ValueKind == JsonValueKind.Object
            && reference.TryGetProperty("pillow", out var version) && Version.TryParse(version.GetString(), out var v) && v.Major >= 13
            ? ResizeEngine.Pillow13
            : ResizeEngine.Pillow12;

    /// <summary>Bytes, none of which may differ.</summary>
    public static CertificateRow Bytes(string @case, string point, IReadOnlyList<byte> found, IReadOnlyList<double> expected, string note = "")
        => Whole(@case, point, [.. found.Select(b => (long)b)], expected, note);

    /// <summary>Whole numbers, none of which may differ.</summary>
    public static CertificateRow Whole(string @case, string point, IReadOnlyList<long> found, IReadOnlyList<double> expected, string note = "")
        => found.Count != expected.Count
            ? CertificateRow.Failed(@case, point, $"found {found.Count} numbers, expected {expected.Count}")
            : CertificateRow.Equal(@case, point, found.Zip(expected).LongCount(p => p.First != p.Second), expected.Count, note);

    /// <summary>Numbers within an absolute bound.</summary>
    public static CertificateRow Near(
        string @case, string point, IReadOnlyList<double> found, IReadOnlyList<double> expected, double bound = Bound, string note = "")
    {
        if (found.Count != expected.Count)
        {
            return CertificateRow.Failed(@case, point, $"found {found.Count} numbers, expected {expected.Count}");
        }

        var (error, scale) = (0.0, 0.0);
        for (var i = 0; i < found.Count; i++)
        {
            var difference = Math.Abs(found[i] - expected[i]);
            (error, scale) = (difference <= error ? error : difference, Math.Max(scale, Math.Abs(expected[i])));
        }

        return CertificateRow.Within(@case, point, error, scale, bound, note);
    }

    /// <summary>Floats within the bound, of a picture of the golden's sizes.</summary>
    public static CertificateRow Near(Fixture fixture, string @case, string point, Pixels found)
    {
        var key = $"{@case}/{point}";
        var shape = fixture.Shape(key);
        return shape[^1] == found.Width && shape[^2] == found.Height
            ? Near(@case, point, [.. found.Values.Select(v => (double)v)], fixture.Numbers(key))
            : CertificateRow.Failed(@case, point, $"found {found.Height} x {found.Width}, expected [{string.Join(", ", shape)}]");
    }

    /// <summary>A picture's bytes against a golden [H,W,3], or its red ones against [H,W].</summary>
    public static CertificateRow Bytes(Fixture fixture, string @case, string point, Picture found)
    {
        var key = $"{@case}/{point}";
        var shape = fixture.Shape(key);
        return shape[0] == found.Height && shape[1] == found.Width
            ? Bytes(@case, point, shape.Count == 2 ? [.. found.Rgb.Where((_, i) => i % 3 == 0)] : found.Rgb, fixture.Numbers(key))
            : CertificateRow.Failed(@case, point, $"found {found.Height} x {found.Width}, expected [{string.Join(", ", shape)}]");
    }

    /// <summary>Cases of a fixture: what stands before the key.</summary>
    public static IEnumerable<string> Cases(Fixture fixture)
        => fixture.Keys.Where(k => k.Contains('/', StringComparison.Ordinal)).Select(k => k[..k.LastIndexOf('/')]).Distinct().Order(StringComparer.Ordinal);

    private static string PathOf(Fixture fixture, string name) => Path.Combine(fixture.Folder, $"{name}.png");
}
