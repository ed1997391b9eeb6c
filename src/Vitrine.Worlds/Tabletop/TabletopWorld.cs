using System.Globalization;
using Vitrine.Policies;

namespace Vitrine.Worlds.Tabletop;

/// <summary>What can be chosen about the tabletop.</summary>
public sealed record TabletopOptions
{
    /// <summary>How the table answers actions.</summary>
    public TabletopPhysics Physics { get; init; } = TabletopPhysics.Strict;

    /// <summary>Standard deviation of the camera's noise; 0 for none.</summary>
    public double SensorNoise { get; init; } = TabletopRenderer.SensorNoise;

    /// <summary>Whether instructions may say how fast and how high. Studies of a word start from instructions without one.</summary>
    public bool Adverbs { get; init; } = true;
}

/// <summary>The tabletop: a gripper over three objects, one camera of 64 x 64 pixels, four tasks.</summary>
/// <param name="options">What can be chosen about it.</param>
public sealed class TabletopWorld(TabletopOptions? options = null) : IWorld
{
    private readonly TabletopOptions _options = options ?? new();
    private TabletopLayout? _layout;
    private TabletopState? _state;
    private LayoutKey? _noise;
    private Observation? _seen;
    private int _steps;

    /// <summary>Names of the tasks.</summary>
    public static IReadOnlyList<string> TaskNames { get; } = ["reach", "lift", "push", "move"];

    /// <inheritdoc/>
    public string Description => string.Create(CultureInfo.InvariantCulture,
        $"tabletop, {_options.Physics.Name} physics, sensor noise {_options.SensorNoise}, {(_options.Adverbs ? "with" : "without")} adverbs");

    /// <inheritdoc/>
    public IReadOnlyList<string> Tasks => TaskNames;

    /// <summary>How the episode began.</summary>
    public TabletopLayout Layout => _layout ?? throw new VitrineException("tabletop: no episode has begun; reset the world first.");

    /// <summary>The table now.</summary>
    public TabletopState State => _state ?? Layout.State;

    /// <inheritdoc/>
    public bool HasSucceeded => Layout.Spec.IsSolved(Layout.State, State);

    /// <inheritdoc/>
    public Position Gripper => State.Gripper;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Measures
    {
        get
        {
            var measures = new SortedDictionary<string, double>(StringComparer.Ordinal)
            {
                ["held"] = State.Held,
                ["open"] = State.Open ? 1 : 0,
            };
            if (Layout.Spec.Target >= 0)
            {
                var target = State.Objects[Layout.Spec.Target].Position;
                measures["target.distance"] = State.Gripper.HorizontalDistanceTo(target);
                measures["target.height"] = target.Z;
                measures["target.displacement"] = target.HorizontalDistanceTo(Layout.State.Objects[Layout.Spec.Target].Position);
            }

            return measures;
        }
    }

    /// <inheritdoc/>
    public void Reset(LayoutKey layout) => Place(TabletopLayout.Draw(layout, _options.Adverbs), layout);

    /// <summary>Starts an episode from a given situation.</summary>
    /// <param name="layout">The situation.</param>
    /// <param name="noise">Where sensor noise comes from; null for a camera without noise.</param>
    public void Place(TabletopLayout layout, LayoutKey? noise = null)
    {
        ArgumentNullException.ThrowIfNull(layout);
        (_layout, _state, _noise, _seen, _steps) = (layout, layout.State, _options.SensorNoise > 0 ? noise : null, null, 0);
    }

    /// <inheritdoc/>
    public Observation Observe()
        => _seen ??= new(TabletopRenderer.Render(State, _noise?.Random("sensor", _steps), _options.SensorNoise), Layout.Instruction);

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<double> action)
    {
        _state = _options.Physics.Step(State, action);
        (_seen, _steps) = (null, _steps + 1);
    }
}
