namespace Vitrine.Tests.Worlds;

internal static class WorldFixture
{
    public static string Folder
    {
        get
        {
            if (Environment.GetEnvironmentVariable("VITRINE_FIXTURES") is { Length: > 0 } root)
            {
                return Path.Combine(root, "tabletop", "world");
            }

            var repository = new DirectoryInfo(AppContext.BaseDirectory);
            while (repository is not null && !File.Exists(Path.Combine(repository.FullName, "Vitrine.slnx")))
            {
                repository = repository.Parent;
            }

            return Path.Combine(repository!.FullName, "tests", "fixtures", "tabletop", "world");
        }
    }
}
