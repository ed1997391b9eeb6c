namespace Vitrine.Cluster.Messages;

/// <summary>What a silo says to a chunk that it is offered.</summary>
[GenerateSerializer]
internal enum OfferAnswer
{
    /// <summary>All its workers are at work.</summary>
    Busy,

    /// <summary>It does not know the study yet.</summary>
    NeedsStudy,

    /// <summary>It runs the chunk, or has run it already.</summary>
    Taken,
}
