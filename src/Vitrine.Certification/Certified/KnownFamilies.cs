using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Certification.Certified;

/// <summary>What a family is opened for.</summary>
internal enum FamilyKind
{
    /// <summary>Reads and writes text.</summary>
    Text = ModelKind.Text,

    /// <summary>Sees pictures.</summary>
    Image = ModelKind.Image,

    /// <summary>Drives a robot.</summary>
    Policy = ModelKind.Policy,

    /// <summary>Reads pictures and texts, writes texts.</summary>
    VisionLanguage,

    /// <summary>No model, but what stands around models: tokenizers, pictures, methods, the world.</summary>
    Part,
}

/// <summary>A family of this version.</summary>
/// <param name="Name">The <c>model_type</c> of config.json, or the <c>family</c> of reference numbers that are of no model.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Alike">Other names that are read alike.</param>
internal sealed record KnownFamily(string Name, FamilyKind Kind, IReadOnlyList<string> Alike);

/// <summary>Every family of models that this version opens.</summary>
internal static class KnownFamilies
{
    /// <summary>What fixtures of timm's models call their family; timm's files name none.</summary>
    private const string TimmFixtures = "timm_vit";

    private const string Timm = "timm";

    public static IReadOnlyList<KnownFamily> All { get; } =
    [
        .. Policy.Catalog.Families.Select(f => new KnownFamily(f.Name, f.Sees ? FamilyKind.VisionLanguage : (FamilyKind)f.Kind, f.Alike)),
    ];

    /// <summary>The family that a name means; null for none of the models.</summary>
    public static KnownFamily? Of(string name) => All.FirstOrDefault(f => f.Name == (name == TimmFixtures ? Timm : name) || f.Alike.Contains(name));
}
