using Vitrine.Transformers;

namespace Vitrine.Certification.Certified;

/// <summary>What a family is opened for.</summary>
internal enum FamilyKind
{
    /// <summary>Reads and writes text.</summary>
    Text,

    /// <summary>Sees pictures.</summary>
    Image,

    /// <summary>Drives a robot.</summary>
    Policy,

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

    public const string Policy = "openvla", Timm = "timm";

    public static IReadOnlyList<KnownFamily> All { get; } =
    [
        .. TextModel.Families.Select(f => new KnownFamily(f, FamilyKind.Text, [])),
        .. VisionModel.Families.Select(names => new KnownFamily(names[0], FamilyKind.Image, [.. names.Skip(1)])),
        new(Policy, FamilyKind.Policy, []),
    ];

    /// <summary>The family that a name means; null for none of the models.</summary>
    public static KnownFamily? Of(string name) => All.FirstOrDefault(f => f.Name == (name == TimmFixtures ? Timm : name) || f.Alike.Contains(name));
}
