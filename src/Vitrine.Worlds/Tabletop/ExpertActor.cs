namespace Vitrine.Worlds.Tabletop;

/// <summary>The scripted expert as an actor: what a policy is measured against.</summary>
/// <param name="codec">Rounds every action to what tokens can say, as a policy's are; null for exact actions.</param>
public sealed class ExpertActor(ActionCodec? codec = null) : IWorldActor
{
    /// <inheritdoc/>
    /// <exception cref="VitrineException">A world is not the tabletop.</exception>
    public IReadOnlyList<double[]> Act(IReadOnlyList<WorldTurn> turns, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(turns);
        return [.. turns.Select(t => Act(t.World))];
    }

    internal double[] Act(IWorld world)
    {
        var tabletop = world as TabletopWorld ?? throw new VitrineException($"the scripted expert knows the tabletop only, not '{world.Description}'.");
        var action = TabletopExpert.Decide(tabletop.State, tabletop.Layout.Spec).Action;
        return codec is null ? action : codec.Decode(codec.Encode(action));
    }
}
