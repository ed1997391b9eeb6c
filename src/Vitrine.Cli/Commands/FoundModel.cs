using Vitrine.Certification.Certified;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Transformers.Families;

namespace Vitrine.Cli.Commands;

/// <summary>Where a model lies, and what it is for, before it is opened.</summary>
/// <param name="Location">Its folder or .gguf file.</param>
/// <param name="Kind">Told by the configuration.</param>
internal sealed record FoundModel(ModelLocation Location, FamilyKind Kind)
{
    /// <param name="name">A folder, a .gguf file, ORG/NAME in the local cache, or an embedded policy.</param>
    /// <exception cref="VitrineException">There is no such model, or none of a family of this version; the nearest is named.</exception>
    public static FoundModel Find(string name)
    {
        var location = !Path.Exists(name) && (PolicyFolder.IsEmbedded(name) || PolicyFolder.Meant(name) is not null)
            ? new ModelLocation(name, PolicyFolder.Resolve(name), null)
            : ModelLocation.Resolve(name);
        return new FoundModel(location, location.GgufFile is null ? KindOf(location.Folder) : FamilyKind.Text);
    }

    private static FamilyKind KindOf(string folder)
    {
        var config = ConfigReader.Open(Path.Combine(folder, "config.json"));
        if (config.Has("architecture") && !config.Has("model_type"))
        {
            return FamilyKind.Image; // timm's
        }

        var type = config.Text("model_type");
        string[] known = [.. KnownFamilies.All.SelectMany(f => f.Alike.Prepend(f.Name)).Where(n => n != KnownFamilies.Timm)];
        return KnownFamilies.Of(type)?.Kind ?? throw new VitrineException(
            $"{config.Source}: model_type is '{type}'; this version opens {string.Join(", ", known)} and timm's vit_*; the nearest is '{Nearest.Of(type, known)}'.");
    }
}
