using Vitrine.Policies;
using Vitrine.Transformers.Engine;

namespace Vitrine.Mechanisms.Causes;

/// <summary>Where a policy decides.</summary>
public static class DecidingStacks
{
    /// <summary>The stack in which a policy decides, as its layout names it.</summary>
    /// <param name="policy">Whose stack.</param>
    /// <param name="observations">At least one; which ones does not matter.</param>
    /// <exception cref="VitrineException">There is no observation.</exception>
    public static Stack DecidingStack(this Policy policy, IReadOnlyList<Observation> observations)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(observations);
        if (observations.Count == 0)
        {
            throw new VitrineException("states: there is no observation; expected at least one.");
        }

        var (name, known) = (policy.Layout([observations[0]]).DecidingStack, string.Join(", ", policy.Decoders.Select(s => s.Shape.Name)));
        return policy.Decoders.FirstOrDefault(s => s.Shape.Name == name)
            ?? throw new VitrineException($"{policy.Name}: decides in '{name}', which is none of its decoders: {known}.");
    }

    /// <summary>A decoder of a policy by its name.</summary>
    /// <exception cref="VitrineException">It has no such decoder; those that it has are named.</exception>
    public static Stack DecoderOf(this Policy policy, string name)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return policy.Decoders.FirstOrDefault(s => s.Shape.Name == name)
            ?? throw new VitrineException(
                $"{policy.Name}: has no neurons of stack '{name}' in its decoders; there are {string.Join(", ", policy.Decoders.Select(s => s.Shape.Name))}.");
    }
}
