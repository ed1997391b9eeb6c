using Microsoft.AspNetCore.Components;
using Vitrine.Studio.Parts;

namespace Vitrine.Studio.Tour;

/// <summary>What a page of the tour shows in its middle.</summary>
public abstract class TourPart : StudioPart
{
    [Parameter, EditorRequired]
    public TourShown Now { get; set; } = null!;
}
