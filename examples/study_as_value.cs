// A closed-loop study is a value: it carries its arms, travels as JSON, and is judged by its controls. dotnet run examples/study_as_value.cs
#:project ../src/Vitrine.Worlds/Vitrine.Worlds.csproj
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

using var policy = Policy.Open("embedded:tabletop");
var neurons = new NeuronSet([new Neuron(5, 111), new Neuron(5, 130)]);
var calibration = Calibration.Measure(policy, TabletopStates.ForCalibration(seed: 1, count: 24));
var dose = Dose.Sigmas(4);
var controls = Controls.For(policy.Language, neurons, dose, calibration, excluded: new HashSet<Neuron>());

var study = new Study
{
    Name = "two neurons",
    Policy = StudyPolicy.Of(policy),
    World = new TabletopWorld().Description,
    Tasks = ["reach", "lift"],
    LayoutsPerTask = 4,
    StepLimit = 10,
    Seed = 1,
    Arms = ConceptArms.Of("fast", dose.Clamp(neurons, calibration), controls, word: "quickly"),
};
study = Study.FromJson(study.ToJson());                                                                    // as another machine would read it

var run = await new StudyRunner(() => new TabletopWorld()).RunAsync(study, policy);
var result = StudyResult.Of(run);
foreach (var arm in result.Arms)
{
    Console.WriteLine($"{arm.Arm.Name,-18}speed {arm.All.Means["speed"]:0.0000}  same as no edit: {arm.SameAsBaseline} of {result.Layouts}");
}

foreach (var verdict in Verdict.Of(result, "speed"))
{
    var (change, random) = (verdict.Change, verdict.Random!);
    Console.WriteLine($"{verdict.Arm.Name} changes speed by {change.Mean:0.0000} [{change.Low:0.0000}, {change.High:0.0000}], "
        + $"random draws by {random.Smallest:0.0000} to {random.Largest:0.0000}: {(verdict.IsEffect ? "an effect" : "no effect")}");
}
