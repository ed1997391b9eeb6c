using System.Globalization;

namespace Vitrine.Transformers.Points;

/// <summary>One activation of one pass: <c>stack.layer.point</c>, or <c>stack.point</c> outside blocks, and <c>@k</c> for decode step k.</summary>
/// <param name="Stack">e.g. <c>language</c>, <c>dino</c>, <c>siglip</c>, <c>vision</c>, <c>projector</c>.</param>
/// <param name="Layer">Block from 0; null outside blocks.</param>
/// <param name="Point">What of it.</param>
/// <param name="Step">0 the prefill (not written), k the pass that reads generated token k-1.</param>
public readonly record struct Address(string Stack, int? Layer, Point Point, int Step = 0)
{
    /// <summary>Reads an address without wildcards.</summary>
    /// <exception cref="VitrineException">The text is no address.</exception>
    public static Address Parse(string text)
    {
        var pattern = AddressPattern.Parse(text);
        return pattern is { Stack: { } stack, Point: { } point } && (pattern.Layer is not null || !point.IsInBlock) && pattern.Steps is { } step
            ? new Address(stack, pattern.Layer, point, step)
            : throw new VitrineException($"address '{text}': names more than one activation; expected stack.layer.point, e.g. language.0.mlp.neurons.");
    }

    /// <inheritdoc/>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Stack}.{(Layer is { } layer ? $"{layer}." : "")}{Point.Name}{(Step > 0 ? $"@{Step}" : "")}");
}

/// <summary>An address in which stack, layer, point and step may be <c>*</c>, e.g. <c>language.*.mlp.neurons@*</c>.</summary>
/// <param name="Text">As it was written.</param>
/// <param name="Stack">Null for any.</param>
/// <param name="InBlock">Whether it names points of blocks.</param>
/// <param name="Layer">Null for any.</param>
/// <param name="Point">Null for any below <paramref name="PointPrefix"/>.</param>
/// <param name="PointPrefix">Empty, or e.g. <c>attn.</c> for <c>attn.*</c>.</param>
/// <param name="Steps">The step; null for every one.</param>
public sealed record AddressPattern(string Text, string? Stack, bool InBlock, int? Layer, Point? Point, string PointPrefix, int? Steps)
{
    /// <summary>Reads a pattern.</summary>
    /// <exception cref="VitrineException">The text is no address, with the form that is expected.</exception>
    public static AddressPattern Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.LastIndexOf('@');
        int? step = 0;
        if (at >= 0)
        {
            var stepText = text[(at + 1)..];
            step = stepText == "*"
                ? null
                : int.TryParse(stepText, NumberStyles.None, CultureInfo.InvariantCulture, out var k) ? k
                : throw Malformed(text, $"'{stepText}' is no step");
        }

        var path = at >= 0 ? text[..at] : text;
        var first = path.IndexOf('.', StringComparison.Ordinal);
        if (first <= 0 || first == path.Length - 1)
        {
            throw Malformed(text, "a stack and a point are needed");
        }

        var stack = path[..first];
        var rest = path[(first + 1)..];
        var second = rest.IndexOf('.', StringComparison.Ordinal);
        var head = second < 0 ? rest : rest[..second];
        int? layer = int.TryParse(head, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : null;
        var inBlock = second > 0 && (layer is not null || head == "*");
        var name = inBlock ? rest[(second + 1)..] : rest;
        Point? point = null;
        var prefix = "";
        if (name.EndsWith('*'))
        {
            prefix = name[..^1];
        }
        else if (PointVocabulary.IsName(name))
        {
            point = PointVocabulary.TryParse(name, inBlock, out var known) ? known : Points.Point.Unregistered(name, inBlock);
        }
        else
        {
            throw Malformed(text, $"'{name}' is no name of a point");
        }

        return new AddressPattern(text, stack == "*" ? null : stack, inBlock, inBlock ? layer : null, point, prefix, step);
    }

    /// <summary>Whether an activation of some pass is meant.</summary>
    public bool Matches(Address address)
        => MatchesPlace(address.Stack, address.Layer, address.Point) && (Steps is null || Steps == address.Step);

    /// <summary>Whether a place is meant, whatever the pass.</summary>
    public bool MatchesPlace(string stack, int? layer, Point point)
        => (Stack is null || Stack == stack)
            && InBlock == layer.HasValue
            && (Layer is null || Layer == layer)
            && (Point is { } p ? p == point : point.Name.StartsWith(PointPrefix, StringComparison.Ordinal));

    /// <inheritdoc/>
    public override string ToString() => Text;

    private static VitrineException Malformed(string text, string why)
        => new($"address '{text}': {why}. Expected stack.layer.point or stack.point, with @k for a decode step, e.g. language.0.mlp.neurons@1.");
}
