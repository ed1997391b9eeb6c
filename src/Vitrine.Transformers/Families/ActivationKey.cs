using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>Reads the name of a non-linearity from a configuration.</summary>
public static class ActivationKey
{
    /// <summary>The non-linearity of that name, as transformers spells it.</summary>
    /// <param name="json">The configuration.</param>
    /// <param name="key">Key of the name.</param>
    /// <param name="otherwise">The name where the key is missing.</param>
    /// <exception cref="VitrineException">There is no such one, with the nearest.</exception>
    public static Activation Activation(this ConfigReader json, string key, string otherwise)
    {
        var name = json.Text(key, otherwise);
        return Activations.Names.TryGetValue(name, out var activation)
            ? activation
            : throw new VitrineException($"{json.Source}: {key} is '{name}'; known are {string.Join(", ", Activations.Names.Keys)}; the nearest is "
                + $"'{Nearest.Of(name, Activations.Names.Keys)}'.");
    }
}
