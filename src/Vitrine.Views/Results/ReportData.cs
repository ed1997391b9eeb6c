namespace Vitrine.Views;

/// <summary>All that a report shows. Every list may be empty and every section may be missing; the page then says so.</summary>
public sealed record ReportData
{
    /// <summary>The page's title. Words between asterisks are set in italics.</summary>
    public required string Title { get; init; }

    /// <summary>What was found, in one plain sentence (<see cref="Findings.Sentence"/>); empty where nothing was judged, and the page then says so.</summary>
    public string Finding { get; init; } = "";

    /// <summary>One or two sentences under the title.</summary>
    public string Lead { get; init; } = "";

    /// <summary>Headline numbers, four to six.</summary>
    public IReadOnlyList<NamedValue> Facts { get; init; } = [];

    /// <summary>What was shown, what moves the robot but breaks its task, what was not shown, and the study's limits, in any order.</summary>
    public IReadOnlyList<Statement> Statements { get; init; } = [];

    /// <summary>What was opened.</summary>
    public required ModelDescription Model { get; init; }

    /// <summary>One pass through it.</summary>
    public PassExample? Pass { get; init; }

    /// <summary>What the value vectors write, by layer.</summary>
    public LayerProfile? LayerProfile { get; init; }

    /// <summary>The concepts and the neurons that spell them.</summary>
    public IReadOnlyList<ConceptCluster> Concepts { get; init; } = [];

    /// <summary>What <see cref="ConceptNeuron.Score"/> counts.</summary>
    public string ScoreMeaning { get; init; } = "tokens of the concept among the top 30";

    /// <summary>Where chosen heads look.</summary>
    public IReadOnlyList<AttentionMap> Attention { get; init; } = [];

    /// <summary>By what rule those heads were chosen, as <c>the 8 heads of 30 that look most at the picture</c>; may be empty.</summary>
    public string AttentionRule { get; init; } = "";

    /// <summary>Where every head looks, one map of each; empty where that was not read.</summary>
    public IReadOnlyList<AttentionMap> EveryHead { get; init; } = [];

    /// <summary>Where each concept acts on one decision.</summary>
    public IReadOnlyList<ShownDecision> OneStep { get; init; } = [];

    /// <summary>What the expert does, of a policy that flows; null for others.</summary>
    public FlowSummary? Flow { get; init; }

    /// <summary>The closed-loop studies.</summary>
    public StudySummary? Study { get; init; }

    /// <summary>Episodes before and after.</summary>
    public IReadOnlyList<EpisodePair> Episodes { get; init; } = [];

    /// <summary>How the engine stands beside the reference numbers.</summary>
    public CertificateSummary? Certificate { get; init; }

    /// <summary>How the page was made.</summary>
    public required Provenance Provenance { get; init; }

    /// <summary>Terms that the page uses: speed, success, matched random, intervals.</summary>
    public IReadOnlyList<NamedValue> Definitions { get; init; } = [];
}
