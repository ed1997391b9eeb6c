using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers.Edits;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>A rule of differentiation at the points of a model's blocks.</summary>
internal sealed class PointRules : IDisposable
{
    public IReadOnlyList<Edit> Edits { get; private init; } = [];

    public static PointRules? Of(GradientRule rule, Subject subject) => rule is GradientRule.TrueRule ? null
        : throw new VitrineException($"{subject.Model.Name}: no rule.");

    public void Dispose()
    {
    }
}
