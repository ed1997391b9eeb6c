using Vitrine.Policies.Act;
using Vitrine.Policies.OpenVla;
using Vitrine.Policies.OpenVlaOft;
using Vitrine.Policies.Pi;
using Vitrine.Policies.Pi0;
using Vitrine.Policies.Pi05;
using Vitrine.Policies.Pi0Fast;
using Vitrine.Policies.SmolVla;
using Vitrine.Transformers;

namespace Vitrine.Policies;

/// <summary>The policy families of this version.</summary>
public static class PolicyFamilies
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<ModelFamily> All { get; } =
    [
        new("act", ModelKind.Policy, ActPolicy.Load),
        new("openvla", ModelKind.Policy, OpenVlaPolicy.Load),
        new("openvla-oft", ModelKind.Policy, OftPolicy.Load)
        {
            Recognises = (location, config) => config.Has("model_type") && config.Text("model_type") == "openvla" && OftFiles.AreIn(location.Folder),
        },
        new("pi0", ModelKind.Policy, Pi0Policy.Load)
        {
            Recognises = (location, config) => OpenPiFolder.Is(config) && OpenPiFolder.Has(location, "action_time_mlp_in.weight"),
        },
        new("pi05", ModelKind.Policy, Pi05Policy.Load)
        {
            Recognises = (location, config) => OpenPiFolder.Is(config) && OpenPiFolder.Has(location, "time_mlp_in.weight"),
        },
        new("pi0_fast", ModelKind.Policy, Pi0FastPolicy.Load),
        new("smolvla", ModelKind.Policy, SmolVlaPolicy.Load),
    ];

    /// <summary>Text models, image encoders, policies, and the policies that come along.</summary>
    internal static ModelCatalog Catalog { get; } = ModelCatalog.TextAndImage.With([.. All]).WithEmbedded(Path.Combine(AppContext.BaseDirectory, "embedded"));
}
