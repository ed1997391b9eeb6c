namespace Vitrine.Policies;

/// <summary>Anything that turns observations into robot actions: a policy, a policy under edits, or a scripted expert.</summary>
public interface IActor
{
    /// <summary>Acts on several observations at once; each is answered as if it were alone.</summary>
    /// <param name="observations">One per robot.</param>
    /// <param name="cancellation">Stops between forward passes.</param>
    /// <returns>One action per observation, in the robot's own (un-normalised) units.</returns>
    IReadOnlyList<double[]> Act(IReadOnlyList<Observation> observations, CancellationToken cancellation = default);
}
