using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Tests.Checkpoints;

namespace Vitrine.Tests.Cli;

/// <summary>Real models that are too large for the repository.</summary>
internal static class SharedModels
{
    /// <summary>The GGUF file that a fixture names by its hash; the test is skipped where it is absent.</summary>
    public static string Gguf()
    {
        Assert.SkipUnless(Material.Shared is not null, "there is no ../shared and no VITRINE_SHARED, where the GGUF file of models/smollm2-gguf would lie");
        using var fixture = Fixture.Open(Fixtures.Of("models", "smollm2-gguf"));
        var path = ReferenceWeights.Find(fixture, GgufCertifier.Hash, "*.gguf");
        Assert.SkipUnless(path is not null, "no .gguf file of models/smollm2-gguf lies in ../shared/models (or VITRINE_SHARED)");
        return path;
    }
}
