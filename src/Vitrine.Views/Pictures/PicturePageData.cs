using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;

namespace Vitrine.Views;

/// <summary>What a page about one picture shows.</summary>
public sealed record PicturePageData
{
    /// <summary>What the page is about.</summary>
    public required string Title { get; init; }

    /// <summary>Under the title; words between asterisks are set in italics.</summary>
    public string Lead { get; init; } = "";

    /// <summary>A few numbers.</summary>
    public IReadOnlyList<NamedValue> Facts { get; init; } = [];

    /// <summary>The picture as the model sees it.</summary>
    public required Picture Picture { get; init; }

    /// <summary>Names of the tokens.</summary>
    public required PictureTokens Tokens { get; init; }

    /// <summary>Numbers in a token.</summary>
    public required int Width { get; init; }

    /// <summary>Layers of the tower; 0 where nothing was read of them.</summary>
    public int Layers { get; init; }

    /// <summary>By what rule the neurons of <see cref="Reading"/> were chosen.</summary>
    public string NeuronRule { get; init; } = "";

    /// <summary>How the picture was prepared.</summary>
    public IReadOnlyList<string> Steps { get; init; } = [];

    /// <summary>What the tower does with it; may be null.</summary>
    public PictureReading? Reading { get; init; }

    /// <summary>What speaks for the class; may be null.</summary>
    public ClassEvidence? Evidence { get; init; }

    /// <summary>How the page can be made again.</summary>
    public required Provenance Provenance { get; init; }
}
