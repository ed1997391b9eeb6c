using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Training;

/// <summary>Linear heads that help a policy to learn what its pictures show; they are dropped behind the training.</summary>
internal sealed class AuxiliaryHeads
{
    private const int Colours = 6, Shapes = 4, Places = 5, Gripper = 3;
    private const double OfObject = 7;

    private readonly Dictionary<string, Tensor> leaves;

    /// <param name="leaves">Where heads are put, by name.</param>
    public AuxiliaryHeads(Dictionary<string, Tensor> leaves) => this.leaves = leaves;

    /// <summary>Outputs of a head over patches.</summary>
    public static int PatchOutputs => Colours + Shapes + Places + Gripper + 1;

    /// <summary>Adds a head that knows nothing: small weights, no bias.</summary>
    public void Add(string name, int outputs, int inputs, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed, CPU);
        Add($"{name}.weight", randn([outputs, inputs], generator: generator).Times(.5 / Math.Sqrt(inputs)));
        Add($"{name}.bias", zeros([outputs]));
    }

    /// <summary>Adds a number that is learnt.</summary>
    public void Add(string name, double value)
    {
        using var scope = NewDisposeScope();
        Add(name, tensor((float)value));
    }

    /// <summary>A number that is learnt.</summary>
    public Tensor this[string name] => leaves[Full(name)];

    /// <summary>What a head says.</summary>
    public Tensor Of(string name, Tensor x) => nn.functional.linear(x, this[$"{name}.weight"], this[$"{name}.bias"]);

    /// <summary>What a head over patches has wrong: colours, shapes, places, the gripper and whether it is open.</summary>
    /// <param name="name">Of the head.</param>
    /// <param name="features">(B,P,d).</param>
    /// <param name="labels">Of the same frames.</param>
    public Tensor PatchLoss(string name, Tensor features, PatchLabels labels)
    {
        var said = Of(name, features);                                                                     // (B, P, 19)
        var isObject = labels.IsObject;                                                                    // (B, P)
        var weights = ones_like(isObject).Plus(isObject.Times(OfObject)).flatten();
        var at = 0;
        var colour = TrainingMath.WeightedMean(TrainingMath.CrossEntropy(Next(Colours).flatten(0, 1), labels.Colours), weights);
        var shape = TrainingMath.WeightedMean(TrainingMath.CrossEntropy(Next(Shapes).flatten(0, 1), labels.Shapes), weights);
        var place = TrainingMath.WeightedMean(TrainingMath.SquaredError(Next(Places), labels.Places), isObject).Times(10);
        var gripper = TrainingMath.SquaredError(Next(Gripper), labels.Grippers).mean().Times(5);
        var open = labels.Open.expand(said.shape[0], said.shape[1]);
        var opened = nn.functional.binary_cross_entropy_with_logits(Next(1).squeeze(-1), open).Times(.3);
        return colour.Plus(shape).Plus(place).Plus(gripper).Plus(opened);

        Tensor Next(int count) => said.narrow(-1, (at += count) - count, count);
    }

    private void Add(string name, Tensor values)
        => leaves[Full(name)] = values.detach().clone().requires_grad_().DetachFromDisposeScope();

    private static string Full(string name) => $"auxiliary.{name}";
}
