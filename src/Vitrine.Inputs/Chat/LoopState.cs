namespace Vitrine.Inputs.Chat;

/// <summary>The <c>loop</c> of a for.</summary>
internal sealed class LoopState(IReadOnlyList<object?> items, int depth)
{
    private object? last;
    private bool asked;

    public int Index { get; set; }

    public int Depth => depth;

    public object? Attribute(string name) => name switch
    {
        "index" => (long)Index + 1,
        "index0" => (long)Index,
        "revindex" => (long)items.Count - Index,
        "revindex0" => (long)items.Count - Index - 1,
        "first" => Index == 0,
        "last" => Index == items.Count - 1,
        "length" => (long)items.Count,
        "depth" => (long)depth,
        "depth0" => (long)depth - 1,
        "previtem" => Index > 0 ? items[Index - 1] : new Undefined("loop.previtem"),
        "nextitem" => Index + 1 < items.Count ? items[Index + 1] : new Undefined("loop.nextitem"),
        "cycle" => (Callable)(a => a.Places.Count > 0 ? a.Places[Index % a.Places.Count] : throw new TemplateFault("loop.cycle without values")),
        "changed" => (Callable)Changed,
        _ => new Undefined($"loop.{name}"),
    };

    private object? Changed(Arguments arguments)
    {
        var now = arguments.Places.ToList();
        var changed = !asked || !Value.Same(now, last, arguments.Budget);
        (asked, last) = (true, now);
        return changed;
    }
}
