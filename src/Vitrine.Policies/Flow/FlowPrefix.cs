using Vitrine.Policies.LeRobot;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;

namespace Vitrine.Policies.Flow;

/// <summary>What a flow policy read of observations, ready to be acted from any number of times: the keys and values that its expert reads.</summary>
public sealed class FlowPrefix : IDisposable
{
    internal FlowPrefix(PrefixCache cache, IReadOnlyList<PolicyInput> inputs, PromptLayout layout, Run run)
        => (Cache, Inputs, Layout, Run) = (cache, inputs, layout, run);

    /// <summary>Keys and values of every block of the language stack, padded to the longest row.</summary>
    public PrefixCache Cache { get; }

    /// <summary>Where pictures, words and state stand in it.</summary>
    public PromptLayout Layout { get; }

    /// <summary>What was captured on the way.</summary>
    public Run Run { get; }

    internal IReadOnlyList<PolicyInput> Inputs { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Cache.Dispose();
        Run.Dispose();
    }
}
