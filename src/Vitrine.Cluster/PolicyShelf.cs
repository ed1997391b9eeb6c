using Vitrine.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;

namespace Vitrine.Cluster;

/// <summary>Opens studies with their policies. A policy is opened once, however many studies and workers of the silo use it.</summary>
/// <param name="open">Opens a policy by the name that a study gives it.</param>
/// <remarks>A policy that no study uses any more stays open until another one is asked for.</remarks>
public sealed class PolicyShelf(Func<string, Policy> open) : IDisposable
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Held> shelf = [];

    /// <summary>Opens a study.</summary>
    /// <exception cref="VitrineException">The study names no policy, this machine lacks it or has another of that name, or lacks the world.</exception>
    public OpenedStudy Open(StudyOrder order)
    {
        ArgumentNullException.ThrowIfNull(order);
        var study = order.Study;
        var named = study.Policy ?? throw new VitrineException($"study '{study.Name}': names no policy, so a silo cannot open it.");
        var held = Take(named);
        try
        {
            return new OpenedStudy(StudyWork.Of(study, held.Policy, NewWorldOf(order)), new Use(this, held));
        }
        catch
        {
            Release(held);
            throw;
        }
    }

    /// <summary>Makes the worlds of an order, out of those that come along.</summary>
    /// <exception cref="VitrineException">There is no such world.</exception>
    public static Func<IWorld> NewWorldOf(StudyOrder order)
    {
        ArgumentNullException.ThrowIfNull(order);
        return order.World is { } world
            ? WorldRegistry.Open(world.Name, world.Options)
            : throw new VitrineException($"study '{order.Study.Name}': names no world.");
    }

    /// <summary>Closes all policies.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            shelf.Values.ToList().ForEach(held => held.Policy.Dispose());
            shelf.Clear();
        }
    }

    private Held Take(StudyPolicy named)
    {
        lock (gate)
        {
            if (!shelf.TryGetValue(named.Fingerprint, out var held))
            {
                foreach (var (fingerprint, idle) in shelf.Where(s => s.Value.Users == 0).ToArray())
                {
                    shelf.Remove(fingerprint);
                    idle.Policy.Dispose();
                }

                // StudyWork holds its fingerprint against the study's; kept under the fingerprint that it has.
                var policy = open(named.Name);
                held = new Held(policy);
                if (!shelf.TryAdd(policy.Fingerprint, held))
                {
                    policy.Dispose();
                    held = shelf[policy.Fingerprint];
                }
            }

            held.Users++;
            return held;
        }
    }

    private void Release(Held held)
    {
        lock (gate)
        {
            held.Users--;
        }
    }

    private sealed class Held(Policy policy)
    {
        public Policy Policy { get; } = policy;

        public int Users { get; set; }
    }

    private sealed class Use(PolicyShelf shelf, Held held) : IDisposable
    {
        private Held? held = held;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref held, null) is { } taken)
            {
                shelf.Release(taken);
            }
        }
    }
}
