namespace Vitrine.Tests;

/// <summary>Where the reference numbers lie: VITRINE_FIXTURES, or tests/fixtures of this repository.</summary>
internal static class Fixtures
{
    public static string Root { get; } = Environment.GetEnvironmentVariable("VITRINE_FIXTURES") is { Length: > 0 } chosen
        ? chosen
        : System.IO.Path.Combine(Repository, "tests", "fixtures");

    public static string Repository
    {
        get
        {
            var folder = AppContext.BaseDirectory;
            while (!File.Exists(System.IO.Path.Combine(folder, "Vitrine.slnx")))
            {
                folder = System.IO.Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("the tests do not run inside the repository");
            }

            return folder;
        }
    }

    /// <summary>A file or folder of the fixtures; the test is skipped where it is absent.</summary>
    public static string Of(params string[] parts)
    {
        var path = System.IO.Path.Combine([Root, .. parts]);
        Assert.SkipUnless(File.Exists(path) || Directory.Exists(path), $"the fixtures have no {string.Join('/', parts)}");
        return path;
    }
}
