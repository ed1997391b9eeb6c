// Keeps a decision where activations lie under a word: a conceptor, beside zero dose and a random one of its eigenvalues. dotnet run examples/conceptor.cs
#:project ../src/Vitrine.Worlds/Vitrine.Worlds.csproj
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds.Tabletop;

const int Layer = 3;
using var policy = Policy.Open("embedded:tabletop");
using var said = new OneStep(policy, TabletopStates.ForCalibration(seed: 1, count: 24)).With("quickly").Outputs();
using var conceptor = Conceptors.Of(said[Component.Residual, Layer].flatten(0, 1), aperture: 1);          // of (states x steps, d)
using var random = Conceptors.RandomLike(conceptor, seed: 0);

var decisions = new OneStep(policy, TabletopStates.ForTest(seed: 1, count: 12));
Report("the conceptor", Edit(conceptor, 1));
Report("zero dose", Edit(conceptor, 0));
Report("a random one", Edit(random, 1));

Edit Edit(TorchSharp.torch.Tensor matrix, double beta)
    => Conceptors.Edit($"language.{Layer}.resid_post", matrix, beta) with { Scope = new EditScope { Positions = Positions.Last } };

void Report(string arm, Edit edit)
{
    var effect = decisions.Effect(arm, decisions.Act(RunPlan.Editing(edit)), ActionMetric.Speed);
    Console.WriteLine($"{effect.Arm,-14}changes {effect.Changed:P0} of the decisions, the expected step's length by {effect.Soft.Average():0.0000}");
}
