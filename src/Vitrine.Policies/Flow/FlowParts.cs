using Vitrine.Transformers.Engine;

namespace Vitrine.Policies.Flow;

/// <summary>What every flow policy is made of.</summary>
/// <param name="Vision">Sees pictures.</param>
/// <param name="Connector">Makes tokens of what it saw.</param>
/// <param name="Language">Reads pictures and words.</param>
/// <param name="Expert">Denoises, and reads what <paramref name="Language"/> left.</param>
/// <param name="ActionIn">From a row of the chunk to a token.</param>
/// <param name="ActionOut">From a token to its velocity.</param>
/// <param name="TimeIn">First of the two layers that bring in the flow time.</param>
/// <param name="TimeOut">The second.</param>
internal sealed record FlowParts(
    Tower Vision, Connector Connector, Decoder Language, Decoder Expert, Linear ActionIn, Linear ActionOut, Linear TimeIn, Linear TimeOut)
{
    /// <summary>From the state to a token; null where the network reads none as numbers.</summary>
    public Linear? State { get; init; }
}
