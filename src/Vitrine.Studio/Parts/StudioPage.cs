using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Routing;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Models;
using Vitrine.Studio.Work;

namespace Vitrine.Studio.Parts;

/// <summary>A page that shows what its address says: read beside the renderer, and read anew when the address changes.</summary>
/// <remarks>
/// While a reading runs, further changes wait, and only the last of them is read: a slider that is pulled asks for many numbers and needs the last. Windows
/// have pages of their own and share nothing but the models.
/// </remarks>
public abstract class StudioPage : StudioPart, IDisposable
{
    private readonly CancellationTokenSource gone = new();
    private bool reading;
    private bool again;

    [Inject]
    internal OpenModels Models { get; set; } = null!;

    [Inject]
    internal Workplace Place { get; set; } = null!;

    /// <summary>Why nothing is shown; null where something is.</summary>
    protected string? Failure { get; private set; }

    /// <summary>Whether a reading runs.</summary>
    protected bool IsReading => reading;

    private string Home { get; set; } = "";

    /// <inheritdoc/>
    public void Dispose()
    {
        Navigation.LocationChanged -= Moved;
        gone.Cancel();
        gone.Dispose();
        Left();
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    protected override void OnInitialized()
    {
        Home = At.Path.Split('/')[0];
        Navigation.LocationChanged += Moved;
    }

    /// <inheritdoc/>
    protected override Task OnInitializedAsync() => ReadAsync();

    /// <summary>Reads what an address says, on a thread of its own.</summary>
    /// <param name="at">The address.</param>
    /// <returns>What takes it over, on the renderer's thread.</returns>
    private protected abstract Action Read(PageAddress at);

    /// <summary>Whether an address is one of this page.</summary>
    private protected virtual bool IsMine(PageAddress at) => at.Path.Split('/')[0] == Home;

    /// <summary>When the page is left.</summary>
    protected virtual void Left()
    {
    }

    /// <summary>Changes the address of this page, in place of the old one.</summary>
    private protected void Go(params ReadOnlySpan<(string Key, object? Value)> changes) => Navigation.NavigateTo(At.With(changes), replace: true);

    /// <summary>Reads anew.</summary>
    protected async Task ReadAsync()
    {
        if (reading || gone.IsCancellationRequested)
        {
            again = reading;
            return;
        }

        reading = true;
        StateHasChanged();
        try
        {
            while (reading)
            {
                again = false;
                await ReadOnceAsync(At);
                reading = again && !gone.IsCancellationRequested;
                StateHasChanged();
            }
        }
        finally
        {
            reading = false;
        }
    }

    /// <summary>Reads anew from any thread; what fails is shown in the place of the page.</summary>
    protected void ReadSoon() => _ = InvokeAsync(async () =>
    {
        try
        {
            await ReadAsync();
        }
        catch (Exception e)
        {
            await DispatchExceptionAsync(e);
        }
    });

    private async Task ReadOnceAsync(PageAddress at)
    {
        try
        {
            var take = await Task.Run(() => Read(at), gone.Token);
            take();
            Failure = null;
        }
        catch (VitrineException e)
        {
            Failure = e.Message;
        }
        catch (OperationCanceledException) when (gone.IsCancellationRequested)
        {
            // The page was left.
        }
    }

    private void Moved(object? sender, LocationChangedEventArgs e)
    {
        if (IsMine(At))
        {
            ReadSoon();
        }
    }
}
