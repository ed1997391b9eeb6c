using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Vitrine.Mechanisms.Doses;

/// <summary>How strong an edit is at each control step. A schedule is data: it is saved with the study that it belongs to.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "schedule")]
[JsonDerivedType(typeof(Constant), "constant")]
[JsonDerivedType(typeof(Window), "window")]
[JsonDerivedType(typeof(Ramp), "ramp")]
[JsonDerivedType(typeof(ClosedLoop), "closed_loop")]
public abstract record Schedule
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        TypeInfoResolver = MechanismsJsonContext.Default,
    };

    private static JsonTypeInfo<Schedule> Contract => (JsonTypeInfo<Schedule>)Options.GetTypeInfo(typeof(Schedule));

    /// <summary>What must be measured in the world, by name; null where time alone decides.</summary>
    [JsonIgnore]
    public virtual string? Measured => null;

    /// <summary>Starts an episode.</summary>
    public abstract ScheduleRun Start();

    /// <summary>Whether it edits at all within so many control steps; true where what is measured decides.</summary>
    public bool Begins(int steps)
    {
        var run = Start();
        return Measured is not null || Enumerable.Range(0, steps).Any(_ => run.Next(0) is not null);
    }

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Contract);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in errors.</param>
    /// <exception cref="VitrineException">It is no schedule.</exception>
    public static Schedule FromJson(string json, string source = "schedule")
    {
        try
        {
            var read = JsonSerializer.Deserialize(json, Contract) ?? throw new VitrineException($"{source}: is null; expected a schedule.");
            read.Check();
            return read;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new VitrineException($"{source}: is no schedule ({e.Message}).", e);
        }
    }

    /// <summary>Refuses numbers that make no sense.</summary>
    /// <exception cref="VitrineException">With what was found.</exception>
    internal virtual void Check()
    {
    }

    private protected static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new VitrineException($"schedule: {what}.");
        }
    }
}

/// <summary>One episode under a schedule.</summary>
public abstract class ScheduleRun
{
    /// <summary>The strength of the next control step; null where nothing is edited.</summary>
    /// <param name="measured">The measured quantity before that step, for schedules that ask for one.</param>
    public abstract double? Next(double measured);

    internal static ScheduleRun ByTime(Func<int, double?> strength) => new Timed(strength);

    private sealed class Timed(Func<int, double?> strength) : ScheduleRun
    {
        private int step;

        public override double? Next(double measured) => strength(step++);
    }
}

/// <summary>The same strength at every step.</summary>
/// <param name="Strength">Multiplies the edit; 1 is the edit as it is.</param>
public sealed record Constant(double Strength = 1) : Schedule
{
    /// <inheritdoc/>
    public override ScheduleRun Start() => ScheduleRun.ByTime(_ => Strength);

    internal override void Check() => Require(double.IsFinite(Strength), $"the strength is {Strength}; expected a finite number");
}

/// <summary>A strength in some steps, no edit in the others.</summary>
/// <param name="First">First control step, from 0.</param>
/// <param name="Last">Last one.</param>
/// <param name="Strength">Multiplies the edit.</param>
public sealed record Window(int First, int Last, double Strength = 1) : Schedule
{
    /// <inheritdoc/>
    public override ScheduleRun Start() => ScheduleRun.ByTime(step => step >= First && step <= Last ? Strength : null);

    internal override void Check()
        => Require(First >= 0 && Last >= First && double.IsFinite(Strength),
            $"a window from step {First} to {Last} at {Strength}; expected 0 <= first <= last and a finite strength");
}

/// <summary>A strength that moves in a straight line between two steps, and stays there; no edit before.</summary>
/// <param name="First">Step at which it is <paramref name="From"/>.</param>
/// <param name="Last">Step from which on it is <paramref name="To"/>.</param>
/// <param name="From">First strength.</param>
/// <param name="To">Last strength.</param>
public sealed record Ramp(int First, int Last, double From, double To) : Schedule
{
    /// <inheritdoc/>
    public override ScheduleRun Start()
        => ScheduleRun.ByTime(step => step < First ? null : step >= Last ? To : From + ((To - From) * (step - First) / (Last - First)));

    internal override void Check()
        => Require(First >= 0 && Last >= First && double.IsFinite(From) && double.IsFinite(To),
            $"a ramp from step {First} to {Last}, {From} to {To}; expected 0 <= first <= last and finite strengths");
}

/// <summary>A strength that a controller chooses so that a measured quantity reaches its target.</summary>
/// <param name="Quantity">What is measured, by name: speed, height, or a measure of the world.</param>
/// <param name="Target">Wanted value.</param>
/// <param name="Proportional">K_P.</param>
/// <param name="Integral">K_I.</param>
/// <param name="Derivative">K_D.</param>
/// <param name="Low">Smallest strength.</param>
/// <param name="High">Largest strength.</param>
/// <param name="Horizon">Latest errors that are summed; all when null.</param>
/// <remarks>
/// alpha_t = clip(K_P e_t + K_I sum e + K_D (e_t - e_(t-1)), low, high) with e = target - measured; the first step has no difference
/// (CTRL-STEER, arXiv 2606.00269: gains 4, 0.5, 1, bounds 0 and 20, horizon 20). Times are control steps, so gains depend on the step's length.
/// </remarks>
public sealed record ClosedLoop(
    string Quantity, double Target, double Proportional, double Integral, double Derivative, double Low, double High, int? Horizon = null) : Schedule
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override string? Measured => Quantity;

    /// <inheritdoc/>
    public override ScheduleRun Start() => new Controller(this);

    internal override void Check()
        => Require(
            !string.IsNullOrEmpty(Quantity) && Low <= High && Horizon is null or > 0
                && double.IsFinite(Target + Proportional + Integral + Derivative + Low + High),
            $"a loop on '{Quantity}' to {Target} with gains {Proportional}, {Integral}, {Derivative} within {Low} and {High}, horizon {Horizon}; expected "
                + "finite numbers, low <= high, a positive horizon");

    private sealed class Controller(ClosedLoop loop) : ScheduleRun
    {
        private readonly Queue<double> errors = new();
        private double? last;

        public override double? Next(double measured)
        {
            if (!double.IsFinite(measured))
            {
                throw new VitrineException($"schedule: the measured {loop.Quantity} is {measured}; expected a finite number.");
            }

            var error = loop.Target - measured;
            errors.Enqueue(error);
            if (errors.Count > loop.Horizon)
            {
                errors.Dequeue();
            }

            var strength = (loop.Proportional * error) + (loop.Integral * errors.Sum()) + (loop.Derivative * (error - (last ?? error)));
            last = error;
            return Math.Clamp(strength, loop.Low, loop.High);
        }
    }
}
