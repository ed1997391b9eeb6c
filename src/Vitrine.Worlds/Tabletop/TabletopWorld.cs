using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;

namespace Vitrine.Worlds.Tabletop;

/// <summary>The tabletop: a gripper over three objects, one camera of 64 x 64 pixels, four tasks.</summary>
/// <param name="options">What can be chosen about it.</param>
public sealed class TabletopWorld(TabletopOptions? options = null) : IWorld
{
    /// <summary>What the robot measures of itself: the gripper's x, y and z, and 1 where it is open, 0 where it is closed.</summary>
    public const string StateName = "state";

    private readonly TabletopOptions options = options ?? new();
    private TabletopLayout? layout;
    private TabletopState? state;
    private LayoutKey? noise;
    private TabletopView view = TabletopView.Plain;
    private Observation? seen;
    private int steps;

    /// <summary>Names of the tasks.</summary>
    public static IReadOnlyList<string> TaskNames { get; } = ["reach", "lift", "push", "move"];

    /// <inheritdoc/>
    public string Description => options.Description;

    /// <summary>What was chosen about it.</summary>
    public TabletopOptions Options => options;

    /// <inheritdoc/>
    public IReadOnlyList<string> Tasks => TaskNames;

    /// <summary>How its camera sees.</summary>
    internal TabletopView View => view;

    /// <summary>How the episode began.</summary>
    public TabletopLayout Layout => layout ?? throw new VitrineException("tabletop: no episode has begun; reset the world first.");

    /// <summary>The table now.</summary>
    public TabletopState State => state ?? Layout.State;

    /// <inheritdoc/>
    public bool HasSucceeded => Layout.Spec.IsSolved(Layout.State, State);

    /// <inheritdoc/>
    public Position Gripper => State.Gripper;

    /// <inheritdoc/>
    /// <remarks>The table reaches from 0 to 1 in x and y, and heights are in the same length.</remarks>
    public WorldUnits Units { get; } = new("table widths", "control step");

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
    public void Reset(LayoutKey layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        Place(TabletopLayout.Draw(layout, options), layout);
    }

    /// <summary>Starts an episode from a given situation.</summary>
    /// <param name="layout">The situation.</param>
    /// <param name="noise">Where sensor noise, and the place of what hides the picture, come from; null for a camera that has neither.</param>
    public void Place(TabletopLayout layout, LayoutKey? noise = null)
    {
        ArgumentNullException.ThrowIfNull(layout);
        (this.layout, state, this.noise, seen, steps) = (layout, layout.State, options.SensorNoise > 0 ? noise : null, null, 0);
        view = TabletopView.Of(options, noise);
    }

    /// <inheritdoc/>
    public Observation Observe()
        => seen ??= Seen(State, view, noise?.Random("sensor", steps), options.SensorNoise, Layout.Instruction);

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<double> action)
    {
        state = options.Physics.Step(State, action);
        (seen, steps) = (null, steps + 1);
    }

    /// <summary>What a robot at such a table sees and measures.</summary>
    /// <param name="state">The table.</param>
    /// <param name="view">How the camera sees.</param>
    /// <param name="noise">Of the camera; null for none.</param>
    /// <param name="sensorNoise">How much of it.</param>
    /// <param name="instruction">What it is asked to do.</param>
    internal static Observation Seen(TabletopState state, TabletopView view, RandomStream? noise, double sensorNoise, string instruction)
        => new(TabletopRenderer.Render(state, view, noise, sensorNoise), instruction)
        {
            State = new Dictionary<string, StateVector> { [StateName] = new([state.Gripper.X, state.Gripper.Y, state.Gripper.Z, state.Open ? 1 : 0]) },
        };
}
