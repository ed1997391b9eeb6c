using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Models;
using Vitrine.Studio.Scenes;
using Vitrine.Studio.Work;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Studio.Robot;

/// <summary>The same episode twice, without and with held neurons, on one clock. It belongs to one window.</summary>
internal sealed class RobotSession
{
    private readonly string identity;
    private readonly Lock gate = new();
    private readonly string? said;
    private bool isSteered;

    private RobotSession(string identity, Policy policy, LayoutKey layout, string? said, RobotEdit edit, OpenModel open)
    {
        var calibration = open.Calibration(edit.Neurons.Stack);
        (this.identity, this.said, Policy, Layout, Edit) = (identity, said, policy, layout, edit);
        (Without, With) = (new RobotLane(policy, layout, said, calibration) { Watched = edit.Neurons },
            new RobotLane(policy, layout, said, calibration) { Watched = edit.Neurons });
        With.Hold(edit, 0);
        var world = SceneSource.NewWorld();
        world.Reset(layout);
        Instruction = said ?? world.Observe().Instruction;
        Plan = edit.Plan(calibration).ToJson();
    }

    public Policy Policy { get; }

    public LayoutKey Layout { get; }

    /// <summary>What the robot is told.</summary>
    public string Instruction { get; }

    /// <summary>What is held, at the moment.</summary>
    public RobotEdit Edit { get; private set; }

    /// <summary>The plan inside the window, as JSON.</summary>
    public string Plan { get; private set; }

    public RobotLane Without { get; }

    public RobotLane With { get; }

    /// <summary>Control step, from 0.</summary>
    public int Now { get; private set; }

    /// <summary>Whether the edit was changed on the way, so that another run from the start would go another way.</summary>
    public bool IsSteered => isSteered;

    /// <summary>Whether both have come to an end.</summary>
    public bool IsOver => Now >= RobotEdit.Steps || (Ended(Without) && Ended(With));

    /// <summary>The session of an address: the one that is there where it is about the same episode, else a new one.</summary>
    public static RobotSession Of(RobotSession? there, OpenModel open, PageAddress at)
    {
        var policy = open.Model as Policy ?? throw new VitrineException($"{open.Name}: drives no robot; choose a policy.");
        var (layout, said) = (SceneSource.LayoutOf(at), at["say"] is { Length: > 0 } text ? text : null);
        var edit = RobotEdit.Of(open, policy, at);
        var identity = $"{open.Name}|{layout}|{said}|{edit.Neurons.Stack}|{string.Join(',', edit.Neurons.Neurons)}|{at["again"]}";
        var step = at.Whole("step", 0, 0, RobotEdit.Steps);
        if (there?.identity != identity)
        {
            there = new RobotSession(identity, policy, layout, said, edit, open);
        }
        else if (there.Edit != edit)
        {
            there.Change(edit, open);
        }

        there.To(step);
        return there;
    }

    /// <summary>Goes to a step; what was decided before it stays.</summary>
    public void To(int step)
    {
        lock (gate)
        {
            var to = Math.Clamp(step, 0, RobotEdit.Steps);
            Parallel.Invoke(() => Without.To(to), () => With.To(to));
            Now = to;
        }
    }

    /// <summary>The moment of a lane that is shown: the last one where it has ended before.</summary>
    public RobotFrame Shown(RobotLane lane) => lane.Frames[Math.Min(Now, lane.Frames.Count - 1)];

    /// <summary>Records both episodes from their start, as <c>vitrine rollout --record</c> does: what was seen and done, step by step.</summary>
    /// <param name="place">Where work is kept.</param>
    /// <param name="cancellation">Stops between acts; what was recorded stays.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="VitrineException">The instruction is one of one's own: a record is of a layout as its world says it.</exception>
    public string Record(Workplace place, CancellationToken cancellation = default)
    {
        if (said is not null)
        {
            throw new VitrineException("record: the episode has an instruction of its own; a record is of a layout as its world says it.");
        }

        var folder = Path.Combine(place.Folder, "records", Workplace.NewId());
        var world = new RecordedWorld(TabletopOptions.Family.Name, SceneSource.NewWorld().Description, SceneSource.Options.ToSettings());
        var rollouts = new WatchedRollouts(SceneSource.NewWorld, world, RobotEdit.Steps);
        var plain = new Arm { Name = "as it is", Kind = ArmKind.Baseline };
        rollouts.Run(Policy, plain, Layout, new WatchOptions { Folder = folder, Prefix = "without-" }, cancellation);
        if (Edit.IsOn)
        {
            var held = new Arm
            {
                Name = "with the edit",
                Kind = ArmKind.Edit,
                Concept = Edit.Label,
                Plan = RunPlan.FromJson(Plan),
                Schedule = new Window(Edit.First, Edit.Last),
            };
            rollouts.Run(Policy, held, Layout, new WatchOptions { Folder = folder, Prefix = "with-" }, cancellation);
        }

        return folder;
    }

    private static bool Ended(RobotLane lane) => lane.Frames.Count > 0 && lane.Frames[^1].HasSucceeded;

    private void Change(RobotEdit edit, OpenModel open)
    {
        lock (gate)
        {
            isSteered |= Now > 0 && (IsIn(edit, Now - 1) || IsIn(Edit, Now - 1));
            Edit = edit;
            Plan = edit.Plan(open.Calibration(edit.Neurons.Stack)).ToJson();
            With.Hold(edit, Math.Min(Now, With.Frames.Count - 1));
        }

        static bool IsIn(RobotEdit edit, int last) => edit.IsOn && edit.First <= last;
    }
}
