using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;

namespace Vitrine.Worlds.Studies;

/// <summary>What an arm is to its study.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ArmKind>))]
public enum ArmKind
{
    /// <summary>The policy as it is: what every other arm is compared with.</summary>
    Baseline,

    /// <summary>The whole machinery of an edit at a dose that changes nothing: must equal the baseline.</summary>
    ZeroDose,

    /// <summary>A word in the instruction.</summary>
    Prompt,

    /// <summary>The edit that the study is about.</summary>
    Edit,

    /// <summary>Keys and values of another instruction in the place of the policy's own.</summary>
    Interchange,

    /// <summary>The edit with random neurons that resemble the chosen ones.</summary>
    MatchedRandom,

    /// <summary>The edit with a random direction of the same norm.</summary>
    RandomDirection,

    /// <summary>The edit with its sign reversed: a control of the direction. Its group names the edit's arm.</summary>
    ReversedSign,
}

/// <summary>One condition of a study, whole: with its policy it says what is done. It travels as JSON.</summary>
public sealed record Arm
{
    /// <summary>Its name, unique in the study.</summary>
    public required string Name { get; init; }

    /// <summary>What it is to the study.</summary>
    public required ArmKind Kind { get; init; }

    /// <summary>The concept it belongs to, e.g. <c>fast</c>: ties an edit to its controls.</summary>
    public string? Concept { get; init; }

    /// <summary>A word appended to every instruction.</summary>
    public string? Word { get; init; }

    /// <summary>What random draws have in common: the arms of a group are reported together. Of a reversed sign, the arm that it reverses.</summary>
    public string? Group { get; init; }

    /// <summary>Under which the policy acts; null for the policy as it is.</summary>
    [JsonConverter(typeof(PlanAsJson))]
    public RunPlan? Plan { get; init; }

    /// <summary>How strong the plan's edits are at each control step; null for their full strength in all.</summary>
    [JsonConverter(typeof(ScheduleAsJson))]
    public Schedule? Schedule { get; init; }

    /// <summary>What an expert reads of another instruction instead; null where of its own alone. Then there is no plan.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PrefixSwap? Swap { get; init; }

    /// <summary>What a component puts out of another instruction instead; null where of its own alone. Then there is no plan.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ComponentSwap? Part { get; init; }

    /// <summary>Whether this arm is one of several random draws.</summary>
    [JsonIgnore]
    public bool IsRandom => Kind is ArmKind.MatchedRandom or ArmKind.RandomDirection;

    /// <summary>The arm as results name it.</summary>
    public ArmLabel Label() => new() { Name = Name, Kind = Kind, Concept = Concept, Word = Word, Group = Group, Fingerprint = Fingerprint() };

    /// <summary>Changes when plan or schedule do; empty for a baseline that has none.</summary>
    public string Fingerprint()
        => Kind == ArmKind.Baseline && Plan is null && Schedule is null ? ""
            : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes((Plan ?? RunPlan.Empty).ToJson() + Schedule?.ToJson() + Swap + Part)));

    /// <summary>The policy as this arm has it act. Disposing the actor leaves the policy open.</summary>
    /// <param name="policy">Several arms may share it, also on several threads.</param>
    /// <param name="actionSteps">Rows of each chunk that are carried out before it acts again; as many as its checkpoint says when null.</param>
    public IWorldActor ActorOf(Policy policy, int? actionSteps = null)
    {
        Check(policy);
        return Part is { } part ? new ComponentSwapActor(policy, part, Word, actionSteps)
            : Swap is { } swap ? new PrefixSwapActor((FlowPolicy)policy.Unplanned, swap, Word, actionSteps)
            : Schedule is null ? new ObservingActor(new ChunkActor(policy.With(Plan), actionSteps), Word)
            : new ScheduledActor(policy, [.. (Plan ?? RunPlan.Empty).Edits.Select(e => new ScheduledEdit(e, Schedule))], Word, actionSteps)
            {
                Steady = Plan is null ? null : Plan with { Edits = [] },
            };
    }

    /// <summary>Refuses what does not go together, and a policy that cannot act under it.</summary>
    /// <exception cref="VitrineException">Something is put in or swapped beside a plan, or keys and values are swapped where no expert flows.</exception>
    internal void Check(Policy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        if (Part is not null && (Plan is not null || Schedule is not null || Swap is not null))
        {
            throw new VitrineException($"arm '{Name}': a component's outputs are put in under no other plan.");
        }

        if (Swap is not null && (Plan is not null || Schedule is not null || policy.Unplanned is not FlowPolicy))
        {
            throw new VitrineException($"arm '{Name}': keys and values are swapped in policies whose expert flows, under no other plan.");
        }
    }
}
