using Vitrine.Certification;
using Vitrine.Certification.Tokenizers;
using Vitrine.Tests.Inputs.Tokenizers;

namespace Vitrine.Tests.Certification;

public sealed class TokenizerCertifierTests
{
    public static TheoryData<string> Folders() => TokenizerFolders.All();

    [Theory, MemberData(nameof(Folders))]
    public void Every_tokenizer_folder_is_certified(string name)
    {
        using var fixture = Fixture.Open(TokenizerFolders.Of(name));
        var certifier = new TokenizerCertifier();
        certifier.Knows(fixture).ShouldBeTrue();
        var rows = certifier.Certify(fixture, TestContext.Current.CancellationToken).ToArray();
        rows.ShouldNotBeEmpty();
        rows.Where(r => !r.Passed).ShouldBeEmpty();
    }

    [Fact]
    public void One_wrong_id_among_the_goldens_is_a_failure_that_names_the_text()
    {
        using var folder = new TemporaryFolder(TokenizerFolders.Of("tiny-bytelevel"));
        var golden = Path.Combine(folder.Path, "golden.json");
        File.WriteAllText(golden, """[{"text": "hello", "ids": [1], "ids_with_special": [1], "decoded": "", "decoded_skip": ""}]""");
        using var fixture = Fixture.Open(folder.Path);
        var rows = new TokenizerCertifier().Certify(fixture, TestContext.Current.CancellationToken).ToArray();
        rows.Single(r => r.Point == "ids").ShouldSatisfyAllConditions(r => r.Passed.ShouldBeFalse(), r => r.Note.ShouldContain("hello"));
    }
}
