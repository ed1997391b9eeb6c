using Microsoft.AspNetCore.Components;
using Vitrine.Studio.Hosting;

namespace Vitrine.Studio.Parts;

/// <summary>A part of a page, which knows the page's address.</summary>
public abstract class StudioPart : ComponentBase
{
    [Inject]
    public NavigationManager Navigation { get; set; } = null!;

    /// <summary>The address as it is now.</summary>
    private protected PageAddress At => PageAddress.Of(Navigation.Uri);

    /// <summary>What was typed or chosen; null where that is nothing.</summary>
    private protected static string? Typed(ChangeEventArgs e)
    {
        ArgumentNullException.ThrowIfNull(e);
        return e.Value?.ToString() is { Length: > 0 } text ? text : null;
    }
}
