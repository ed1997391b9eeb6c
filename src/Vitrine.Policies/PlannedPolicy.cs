using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies.Actions;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;

namespace Vitrine.Policies;

/// <summary>A policy under a plan, in chosen units (<see cref="Policy.With"/>). The plan is bound once and serves all acts, also side by side.</summary>
internal sealed class PlannedPolicy : Policy
{
    private readonly Policy policy;
    private readonly BoundPlan bound;
    private readonly string? units;

    public PlannedPolicy(Policy policy, RunPlan plan, string? units)
        : base(policy)
    {
        if (units is not null)
        {
            policy.RequireUnits(units);
        }

        (this.policy, this.units, bound) = (policy, units ?? policy.Units, policy.Bind(policy.Plan.Then(plan)));
    }

    public override RunPlan Plan => bound.Plan;

    public override Policy Unplanned => bound.Plan.Edits.Count == 0 && !bound.Plan.ExplicitAttention ? policy.Unplanned : this;

    internal override Policy Inner => policy.Inner;

    public override string? Units => units;

    public override IReadOnlyList<UntouchedEdit> UntouchedEdits => bound.UntouchedEdits;

    public override Decoder Language => policy.Language;

    public override Tokenizer Tokenizer => policy.Tokenizer;

    public override ActionTokens? Actions => policy.Actions;

    public override PictureRecipe? Recipe => policy.Recipe;

    public override int ImageTokens => policy.ImageTokens;

    public override IReadOnlyList<string> ActionNames => policy.ActionNames;

    public override int ActionSteps => policy.ActionSteps;

    public override PolicyNeeds Needs => policy.Needs;

    public override (int Rows, int Columns)? NoiseShape => policy.NoiseShape;

    public override IReadOnlyCollection<string> UnitKeys => policy.UnitKeys;

    public override long ParametersOfStack(string stack) => policy.ParametersOfStack(stack);

    public override bool ReachesAction(Transformers.Points.Address place) => policy.ReachesAction(place);

    internal override bool EndsPhases => policy.EndsPhases;

    public override PromptLayout Layout(IReadOnlyList<Observation> observations) => policy.Layout(observations);

    protected internal override PolicyRun Act(ActRequest request) => policy.Act(request with { Units = request.Units ?? units });

    protected internal override void RequireUnits(string? units) => policy.RequireUnits(units);

    protected internal override PictureRecipe RecipeOf(Tower tower) => policy.RecipeOf(tower);

    /// <remarks>A further plan is added behind this one.</remarks>
    private protected override PolicyRun Planned(IReadOnlyList<Observation> observations, RunPlan? plan, ActOptions options, CancellationToken cancellation)
    {
        using var added = plan is null ? null : Bind(bound.Plan.Then(plan));
        var run = Finite(new ActRequest { Observations = observations, Plan = added ?? bound, Options = options, Cancellation = cancellation });
        if (added is not null)
        {
            bound.Count(added);
        }

        return run;
    }

    protected override void Dispose(bool disposing)
    {
        bound.Dispose();
        base.Dispose(disposing);
    }
}
