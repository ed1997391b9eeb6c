using Vitrine.Certification;

namespace Vitrine.Tests.Certification;

public sealed class EdgePatchingTests
{
    [Theory, InlineData("eap"), InlineData("path-patching")]
    public void Edges_are_those_of_the_libraries(string name)
    {
        var certificate = Certifiers.Certify(Fixtures.Of("methods", name));
        certificate.Rows.Where(r => !r.Passed).ShouldBeEmpty();
        certificate.Rows.Count.ShouldBeGreaterThan(5);
    }

    [Fact]
    public void Every_key_of_the_edges_is_compared_or_an_input()
    {
        using var fixture = Fixture.Open(Fixtures.Of("methods", "eap"));
        var compared = Certifiers.Certify(fixture.Folder).Rows.Select(r => $"{r.Case}/{r.Point}").ToHashSet();
        fixture.Keys.Where(k => !k.Contains("/in.", StringComparison.Ordinal)).ShouldAllBe(k => compared.Contains(k));
    }

    [Fact]
    public void A_key_that_is_not_known_is_refused_by_name()
    {
        var root = Path.Combine(Path.GetTempPath(), $"vitrine-eap-{Guid.NewGuid():n}");
        try
        {
            foreach (var folder in (string[])["methods/eap", "methods/_models/gpt2-tiny", "methods/_models/llama-tiny"])
            {
                Directory.CreateDirectory(Path.Combine(root, folder));
                foreach (var file in Directory.GetFiles(Fixtures.Of(folder)))
                {
                    File.Copy(file, Path.Combine(root, folder, Path.GetFileName(file)));
                }
            }

            // One key of the header under another name of as many letters.
            var golden = Path.Combine(root, "methods/eap", "golden.safetensors");
            var bytes = File.ReadAllBytes(golden);
            var at = bytes.AsSpan().IndexOf("gpt2-tiny/eap.zero"u8);
            "gpt2-tiny/eap.zorr"u8.CopyTo(bytes.AsSpan(at));
            File.SetAttributes(golden, FileAttributes.Normal);
            File.WriteAllBytes(golden, bytes);
            var failed = Certifiers.Certify(Path.Combine(root, "methods/eap")).Rows.Where(r => !r.Passed).ToArray();
            failed.Select(r => r.Point).ShouldBe(["eap.zorr"]);
            failed[0].Note.ShouldContain("not known");
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }
}
