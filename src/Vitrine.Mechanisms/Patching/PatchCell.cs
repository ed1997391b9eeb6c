using System.Text;
using System.Text.Json.Serialization;

namespace Vitrine.Mechanisms.Patching;

/// <summary>One cell of a sweep: what is patched in one run. What is null is not told apart: every head, every position.</summary>
/// <param name="Point">Of a block, e.g. <c>attn.z</c>.</param>
/// <param name="Layer">From 0; the centre of a window.</param>
public sealed record PatchCell(string Point, int Layer)
{
    /// <summary>Of the row's own text.</summary>
    public int? Position { get; init; }

    /// <summary>Kind of positions, as the policy names it.</summary>
    public string? Group { get; init; }

    /// <summary>Head.</summary>
    public int? Head { get; init; }

    /// <summary>Coordinate of the last axis.</summary>
    public int? Neuron { get; init; }

    /// <summary>Pass.</summary>
    public int? Step { get; init; }

    /// <summary>Of a path: the point of a later block that reads it.</summary>
    public string? To { get; init; }

    /// <summary>Of a path: the layer that reads it.</summary>
    public int? ToLayer { get; init; }

    /// <summary>Of a path: the head that reads it.</summary>
    public int? ToHead { get; init; }

    /// <summary>In words, the same for the same cell.</summary>
    [JsonIgnore]
    public string Name
    {
        get
        {
            var text = new StringBuilder($"{Layer}.{Point}");
            foreach (var (what, number) in new (string, object?)[] { ("head", Head), ("neuron", Neuron), ("position", Position), ("", Group), ("step", Step) })
            {
                text.Append(number is null ? "" : what.Length == 0 ? $" {number}" : $" {what} {number}");
            }

            return To is null ? text.ToString() : $"{text} to {ToLayer}.{To} head {ToHead}";
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
