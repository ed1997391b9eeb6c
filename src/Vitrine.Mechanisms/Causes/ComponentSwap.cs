using System.Text.Json.Serialization;

namespace Vitrine.Mechanisms.Causes;

/// <summary>A component's outputs of another instruction in the place of the policy's own, at every act, for what it sees then (interchange).</summary>
/// <param name="Word">What stands behind the instruction whose outputs are put in.</param>
/// <param name="Component">Which component.</param>
/// <param name="Layers">Of the stack that decides, from 0.</param>
public sealed record ComponentSwap(
    string Word, [property: JsonConverter(typeof(JsonStringEnumConverter<Component>))] Component Component, IReadOnlyList<int> Layers)
{
    /// <summary>Two that put in the same are equal.</summary>
    public bool Equals(ComponentSwap? other)
        => other is not null && Word == other.Word && Component == other.Component && Layers.SequenceEqual(other.Layers);

    /// <summary>In one word, e.g. <c>quickly@5@Attention</c>.</summary>
    public override string ToString() => $"{Word}@{string.Join(',', Layers)}@{Component}";

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Word, Component, Layers.Count);
}
