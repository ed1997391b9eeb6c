namespace Vitrine.Mechanisms.Circuits;

/// <summary>What a node of a circuit is.</summary>
public enum NodeKind
{
    /// <summary>What comes into the stack: the embedding, a picture, a word, the state, a chunk, or a prefix's tokens.</summary>
    Source,

    /// <summary>An attention head.</summary>
    Head,

    /// <summary>A feed-forward.</summary>
    Mlp,

    /// <summary>The metric, which reads the stream behind the last block.</summary>
    Outcome,
}

/// <summary>What of a node an edge ends in.</summary>
public enum NodeInput
{
    /// <summary>All that it reads.</summary>
    All,

    /// <summary>A head's queries.</summary>
    Query,

    /// <summary>A head's keys.</summary>
    Key,

    /// <summary>A head's values.</summary>
    Value,
}

/// <summary>A node of the factorised graph.</summary>
/// <param name="Name">E.g. <c>embedding</c>, <c>word:quickly</c>, <c>a3.5</c> (head 5 of layer 3), <c>m3</c>, <c>outcome</c>.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Layer">From 0; null of sources and the outcome.</param>
/// <param name="Head">From 0; null of all but heads.</param>
public sealed record CircuitNode(string Name, NodeKind Kind, int? Layer = null, int? Head = null);

/// <summary>An end of edges.</summary>
/// <param name="Node">Who reads.</param>
/// <param name="Input">What of it.</param>
public sealed record CircuitReader(CircuitNode Node, NodeInput Input)
{
    /// <summary>E.g. <c>a3.5.q</c>, <c>m3</c>, <c>outcome</c>.</summary>
    public string Name => Input switch
    {
        NodeInput.Query => $"{Node.Name}.q",
        NodeInput.Key => $"{Node.Name}.k",
        NodeInput.Value => $"{Node.Name}.v",
        _ => Node.Name,
    };
}
