using System.Text.Json.Serialization;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>How edges are scored. Every score says how much more of the metric there is with the edge than without: clean minus patched.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EdgeMethod>))]
public enum EdgeMethod
{
    /// <summary>Edge attribution patching: the derivative at the clean run (Syed et al. 2023).</summary>
    Eap,

    /// <summary>The derivative at the corrupted run, towards the clean one (TransformerLens).</summary>
    EapCorrupted,

    /// <summary>The mean of the two.</summary>
    CleanCorrupted,

    /// <summary>The mean derivative on the way of the inputs from corrupted to clean (Hanna et al. 2024).</summary>
    EapIg,

    /// <summary>The mean derivative on the way of each writer's output from corrupted to clean, writers of a layer together.</summary>
    EapIgActivations,

    /// <summary>The mean derivative on the way of all edges from clean to corrupted together, each against what is written then (auto-circuit).</summary>
    EapIgEdges,

    /// <summary>Each edge patched alone in the clean run.</summary>
    Exact,
}

/// <summary>What an edge that is left out carries instead of what its writer writes.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EdgeFill>))]
public enum EdgeFill
{
    /// <summary>What the writer writes in the corrupted run (resample, interchange).</summary>
    Corrupted,

    /// <summary>The mean of what it writes in the corrupted runs, position by position.</summary>
    Mean,

    /// <summary>The mean over rows and positions alike.</summary>
    MeanOfAll,

    /// <summary>Nothing.</summary>
    Zero,
}
