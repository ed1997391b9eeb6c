namespace Vitrine.Studio.Models;

/// <summary>The models of a studio, in the order in which they were named.</summary>
internal sealed class OpenModels : IDisposable
{
    /// <summary>What is shown where nobody named a model.</summary>
    public const string First = "embedded:tabletop";

    private readonly Lock gate = new();
    private readonly List<OpenModel> all = [];

    /// <param name="names">As a user wrote them; the embedded policy when there is none.</param>
    /// <exception cref="VitrineException">There is no such model.</exception>
    public OpenModels(IReadOnlyList<string> names)
    {
        foreach (var name in names.Count > 0 ? names : [First])
        {
            Open(name);
        }
    }

    /// <summary>Those that were named so far.</summary>
    public IReadOnlyList<OpenModel> All
    {
        get
        {
            lock (gate)
            {
                return [.. all];
            }
        }
    }

    /// <summary>A model by its name: the one that is there, or a further one. The first when there is no name.</summary>
    /// <exception cref="VitrineException">There is no such model.</exception>
    public OpenModel Open(string? name)
    {
        var asked = name?.Trim();
        lock (gate)
        {
            if (string.IsNullOrEmpty(asked))
            {
                return all[0];
            }

            if (all.Find(m => m.Name == asked) is { } found)
            {
                return found;
            }

            var opened = new OpenModel(asked);
            all.Add(opened);
            return opened;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in All)
        {
            model.Dispose();
        }
    }
}
