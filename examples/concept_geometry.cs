// Probe directions of a policy's concepts: do they share axes, how alike are layers, does an action rise along one? dotnet run examples/concept_geometry.cs
#:project ../src/Vitrine/Vitrine.csproj
using Vitrine.Mechanisms.Geometry;
using Vitrine.Mechanisms.Probes;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;
using static TorchSharp.torch;

using var policy = Policy.Open("embedded:tabletop");
var observations = StateSource.OfWorld("tabletop", seed: 1).ForTest(192);
using var read = ProbeActivations.OfPolicy(policy, observations);
string[] asked = ["red", "green", "blue", "yellow", "purple"];
bool Says(Observation seen, string concept)
    => seen.Instruction.Split(' ').Intersect(TabletopVocabulary.Concepts.Single(c => c.Name == concept).Words).Any();

// Directions of colours, one probe each, in layer 3.
var layer = read.Layers[3];
var recipe = new ProbeRecipe { Scaled = true };
LinearProbe[] probes = [.. asked.Select(c => recipe.Fit(layer.Activations, [.. observations.Select(o => Says(o, c) ? 1 : 0)], ["other", c]))];
var shared = Entanglement.Of([.. probes.Select(p => p.Direction())], asked);
Console.WriteLine($"colours in layer 3: mean |cos| {shared.Mean:0.000}, shuffled {shared.Shuffled.Mean:0.000}, p {shared.P:0.000}");

// Layers beside each other, and how many directions each uses.
Console.WriteLine("layer  CKA with the next (unbiased)  participation ratio  TwoNN");
foreach (var (here, next) in read.Layers.Zip([.. read.Layers.Skip(1), null]))
{
    var x = here.Activations;
    var alike = next is null ? "" : $"{Similarity.LinearCka(x, next.Activations):0.000} ({Similarity.UnbiasedCka(x, next.Activations):0.000})";
    Console.WriteLine($"{here.Layer,-7}{alike,-30}{IntrinsicDimension.ParticipationRatio(x),-21:0.0}{IntrinsicDimension.TwoNearestNeighbours(x):0.0}");
}

// Does dz rise along "lift"? Its derivative, for the third token of the action, at the deciding position.
var place = layer.Place;
var centres = zeros(policy.Language.Shape.Vocabulary);
foreach (var id in Enumerable.Range((int)policy.Actions!.FirstId, policy.Actions.Count))
{
    centres[id] = policy.Actions.Centre(id);
}

using var acted = policy.Act([.. observations.Take(48)], new RunPlan { Gradients = [place] });
var gradients = acted.Run.GradientsOf(run => run.Logits.select(1, 2).softmax(-1).matmul(centres).sum()).Values.Single();                     // (B, T, d)
var slopes = stack([.. acted.Layout.Rows.Select((row, b) => gradients[b, row.Deciding])]);
long[] lifts = [.. observations.Index().Where(o => Says(o.Item, "lift")).Select(o => (long)o.Index)];
long[] others = [.. observations.Index().Where(o => !Says(o.Item, "lift")).Select(o => (long)o.Index)];
var tested = ConceptSensitivity.Of(slopes, layer.Activations.index_select(0, tensor(lifts)), layer.Activations.index_select(0, tensor(others)));
Console.WriteLine($"TCAV of 'lift' for dz: {tested.Score:0.00}, random concepts {tested.RandomShares.Average():0.00}, p {tested.Test.P:0.000}");
