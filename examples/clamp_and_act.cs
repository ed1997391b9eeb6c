// Holds two neurons of a robot policy while it acts on a picture: dotnet run examples/clamp_and_act.cs [POLICY] [PICTURE] [INSTRUCTION] [VALUE]
#:project ../src/Vitrine.Policies/Vitrine.Policies.csproj
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

using var policy = Policy.Open(args.ElementAtOrDefault(0) ?? "embedded:tabletop");
var picture = PictureFile.Read(args.ElementAtOrDefault(1) ?? "examples/scene.png");
var seen = new Observation(picture, args.ElementAtOrDefault(2) ?? "touch the plum wedge");
var clamp = new Clamp(new NeuronSet([new Neuron(5, 111), new Neuron(5, 130)]), double.Parse(args.ElementAtOrDefault(3) ?? "30"));

using var plain = policy.Act([seen]);
using var clamped = policy.Act([seen], RunPlan.Editing(clamp));
var (before, under) = (plain.Actions[0], clamped.Actions[0]);
Console.WriteLine($"{"",-8}{"decided",10}{"clamped",10}{"expected",12}{"clamped",10}");
foreach (var (i, name) in policy.ActionNames.Index())
{
    Console.WriteLine($"{name,-8}{before.Values[i],10:0.0000}{under.Values[i],10:0.0000}{before.Expected[i],12:0.00000}{under.Expected[i],10:0.00000}");
}
