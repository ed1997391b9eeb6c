// Edits over time while a robot moves: what 'quickly' adds, in some steps or as a controller of the speed needs it. dotnet run examples/scheduled_actor.cs
#:project ../src/Vitrine.Worlds/Vitrine.Worlds.csproj
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

using var policy = Policy.Open("embedded:tabletop");
var states = new OneStep(policy, TabletopStates.Draw(seed: 1, LayoutSplit.Selection, ["reach"], count: 24));
using var said = states.With("quickly").Outputs();
using var plain = states.Outputs();
using var word = said.MeanDifference(plain);
var edits = word.Added(Component.Attention, Enumerable.Range(0, word.Layers));

var rollouts = new Rollouts(() => new TabletopWorld(new TabletopOptions { Adverbs = false }), stepLimit: 12);
LayoutKey[] layouts = [.. Enumerable.Range(0, 6).Select(i => new LayoutKey(Seed: 1, LayoutSplit.Test, "reach", i))];
Run("no edit", new Constant(0));
Run("in steps 2 to 5", new Window(First: 2, Last: 5));
Run("in every step", new Constant());
Run("as a speed of 0.08 needs it", new ClosedLoop("speed", Target: 0.08, Proportional: 50, Integral: 1, Derivative: 0, Low: 0, High: 2));

void Run(string when, Schedule schedule)
{
    var episodes = rollouts.Run(new ScheduledActor(policy, [.. edits.Select(e => new ScheduledEdit(e, schedule))]), layouts);
    Console.WriteLine($"{when,-30}speed {episodes.Average(Measure.Speed.Of):0.0000}, solved {episodes.Count(e => e.Succeeded)} of {episodes.Count}");
}
