using Vitrine.Policies.Act;
using Vitrine.Policies.OpenVla;
using Vitrine.Policies.OpenVlaOft;
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
    ];

    /// <summary>Text models, image encoders, policies, and the policies that come along.</summary>
    internal static ModelCatalog Catalog { get; } = ModelCatalog.TextAndImage.With([.. All]).WithEmbedded(Path.Combine(AppContext.BaseDirectory, "embedded"));
}
