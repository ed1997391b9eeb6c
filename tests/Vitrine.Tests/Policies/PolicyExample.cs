using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Policies;
using Vitrine.Tests.Policies.Flow;
using Vitrine.Tests.Policies.OpenVla;
using Vitrine.Transformers;

namespace Vitrine.Tests.Policies;

/// <summary>The small policies of the fixtures, of every family: how they are opened, and something that they can be shown.</summary>
internal static class PolicyExample
{
    /// <summary>Sizes that stand beside a fixture's files, since they are those of no published model.</summary>
    public static ModelOptions Options(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        return fixture.Family switch
        {
            "openvla" => OpenVlaCertifier.Options(fixture),
            "openvla-oft" => OftCertifier.Options(fixture),
            "pi0" or "pi05" or "pi0_fast" => FlowCertifier.Options(fixture),
            _ => ModelOptions.Default,
        };
    }

    /// <summary>Whether the command can open it, which knows no such sizes.</summary>
    public static bool SaysItsSizes(string name) => Options(name) == ModelOptions.Default;

    /// <summary>Pictures, a state where one is read, and an instruction.</summary>
    public static Observation Observe(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        return fixture.Family switch
        {
            "openvla" => Example.Observe(),
            "openvla-oft" => OftCertifier.Seen(fixture),
            _ => FlowExample.Observe(name),
        };
    }
}
