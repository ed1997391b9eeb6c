using Vitrine.Worlds.Studies;

namespace Vitrine.Cluster;

/// <summary>A study that a silo can work on.</summary>
/// <param name="Work">Its work; disposed with this.</param>
/// <param name="Holds">What must stay open as long as the study is; disposed after its work.</param>
public sealed record OpenedStudy(StudyWork Work, IDisposable? Holds = null) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Work.Dispose();
        Holds?.Dispose();
    }
}
