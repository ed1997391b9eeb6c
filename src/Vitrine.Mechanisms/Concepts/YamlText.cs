using System.Diagnostics.CodeAnalysis;
using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>YAML as dictionaries, lists and strings.</summary>
internal static class YamlText
{
    /// <exception cref="YamlException">It is no map, or has a key twice.</exception>
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Only dictionaries and lists of objects are made, none by a type that the text names.")]
    public static Dictionary<string, object> Map(string text)
        => new DeserializerBuilder().WithDuplicateKeyChecking().Build().Deserialize<Dictionary<string, object>>(text) ?? [];
}
