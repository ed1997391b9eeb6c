using System.Reflection;
using PublicApiGenerator;

namespace Vitrine.Tests.Architecture;

/// <summary>What each library shows to the outside is a decision: a change of it must be seen in a review.</summary>
/// <remarks>To accept a change, run the tests once with <c>VITRINE_ACCEPT_API=1</c> and commit the files.</remarks>
public sealed class PublicApiTests
{
    private static readonly ApiGeneratorOptions Options = new() { IncludeAssemblyAttributes = false };

    [Theory, MemberData(nameof(Rooms.Names), MemberType = typeof(Rooms))]
    public void The_public_face_is_the_one_that_was_agreed(string library)
    {
        var found = Assembly.Load($"Vitrine.{library}").GeneratePublicApi(Options).ReplaceLineEndings("\n").TrimEnd() + "\n";
        var path = Path.Combine(Fixtures.Repository, "tests", "Vitrine.Tests", "Architecture", "Api", $"Vitrine.{library}.txt");
        if (Environment.GetEnvironmentVariable("VITRINE_ACCEPT_API") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, found);
        }

        var (now, agreed) = (found.Split('\n'), File.ReadAllText(path).Split('\n'));
        now.Except(agreed).ShouldBeEmpty("new in the public face");
        agreed.Except(now).ShouldBeEmpty("gone from the public face");
        found.Length.ShouldBe(string.Join('\n', agreed).Length, "the same lines, in other places");
    }
}
