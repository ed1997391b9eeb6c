using Vitrine.Mechanisms.Doses;
using Vitrine.Transformers;

namespace Vitrine.Serving.Live;

/// <summary>
/// What is changed in a served model: the plan that it was started with, what is set for everybody while it runs, and what is set for one session.
/// </summary>
/// <param name="require">Refuses a plan that does not fit the model.</param>
/// <param name="start">The plan that the server was started with; it stays whatever is set. Nothing when null.</param>
/// <remarks>A change counts from the next pass on, and has a number that answers and records carry.</remarks>
public sealed class LivePlans(Action<RunPlan> require, RunPlan? start = null)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Setting> ofSessions = [];
    private readonly RunPlan? start = Required(require, start);
    private Setting ofAll = Setting.Off;
    private int revision;

    /// <summary>Counts the changes; 0 until the first.</summary>
    public int Revision
    {
        get
        {
            lock (gate)
            {
                return revision;
            }
        }
    }

    /// <summary>Sets a plan, at the dose that holds; another one that was set there goes.</summary>
    /// <param name="plan">What to change.</param>
    /// <param name="session">Whose; everybody's when null.</param>
    /// <param name="dose">Strength of every edit; what it was when null.</param>
    /// <returns>The change's number.</returns>
    /// <exception cref="VitrineException">The plan does not fit the model, or the dose is no number; what was set stays.</exception>
    public int Set(RunPlan plan, string? session = null, double? dose = null) => Change(session, s => s.With(plan, dose ?? s.Dose));

    /// <summary>Changes the strength of the edits that are set: 1 as the plan says, 0 none of it.</summary>
    /// <exception cref="VitrineException">Nothing is set there, or an edit has no other strength.</exception>
    public int SetDose(double dose, string? session = null) => Change(session, s => s.Plan is { } plan ? s.With(plan, dose)
        : throw new VitrineException("live: no plan is set whose dose could be changed; set one first."));

    /// <summary>Takes a plan off: the model acts as it was started.</summary>
    /// <param name="session">Whose; everybody's when null.</param>
    public int Off(string? session = null) => Change(session, _ => Setting.Off);

    /// <summary>What is set now.</summary>
    /// <param name="session">For whom; for everybody when null.</param>
    /// <returns>The plan as it was set, its strength, and the number of the change that made it so; 0 where none was made.</returns>
    public (RunPlan? Plan, double Dose, int Number) Now(string? session = null)
    {
        lock (gate)
        {
            var setting = session is null ? ofAll : ofSessions.GetValueOrDefault(session, Setting.Off);
            return (setting.Plan, setting.Dose, setting.Number);
        }
    }

    /// <summary>Edits of the plan that it was started with.</summary>
    internal int StartEdits => start?.Edits.Count ?? 0;

    /// <summary>The plans of sessions, one behind the other, and the number of the last change: one moment for all of them.</summary>
    internal (int Revision, IReadOnlyList<RunPlan>[] Plans) Of(IEnumerable<string> sessions)
    {
        lock (gate)
        {
            return (revision, [.. sessions.Select(s => (IReadOnlyList<RunPlan>)
                [.. new[] { start, ofAll.Dosed, ofSessions.GetValueOrDefault(s, Setting.Off).Dosed }.OfType<RunPlan>()])]);
        }
    }

    internal void Forget(string session)
    {
        lock (gate)
        {
            ofSessions.Remove(session);
        }
    }

    private static RunPlan? Required(Action<RunPlan> require, RunPlan? plan)
    {
        if (plan is not null)
        {
            require(plan);
        }

        return plan;
    }

    private int Change(string? session, Func<Setting, Setting> change)
    {
        lock (gate)
        {
            var setting = change(session is null ? ofAll : ofSessions.GetValueOrDefault(session, Setting.Off));
            if (setting.Dosed is { } plan)
            {
                require(plan);
            }

            setting = setting with { Number = ++revision };
            if (session is null)
            {
                ofAll = setting;
            }
            else
            {
                ofSessions[session] = setting;
            }

            return revision;
        }
    }

    /// <param name="Plan">As it was set.</param>
    /// <param name="Dose">Strength of every edit.</param>
    /// <param name="Dosed">The plan at that strength: one object as long as it holds, so that it is bound once.</param>
    private sealed record Setting(RunPlan? Plan, double Dose, RunPlan? Dosed)
    {
        public static Setting Off { get; } = new(null, 1, null);

        /// <summary>Of the change that made it so; 0 where none was made.</summary>
        public int Number { get; init; }

        public Setting With(RunPlan plan, double dose) => new(plan, dose, dose switch
        {
            _ when !double.IsFinite(dose) => throw new VitrineException("live: the dose is no number."),
            0 => null,
            1 => plan,
            _ => plan with { Edits = [.. plan.Edits.Select(e => new ScheduledEdit(e, new Constant(dose)).At(dose))] },
        });
    }
}
