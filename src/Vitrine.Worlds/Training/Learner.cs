using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Worlds.Training;

/// <summary>A policy whose weights may be written, with what it is taught by.</summary>
internal abstract class Learner : IDisposable
{
    private protected Learner(Policy policy, TrainingRecipe recipe, Dictionary<string, Tensor> leaves)
    {
        (Policy, Recipe, Leaves) = (policy, recipe, leaves);
        OfPolicy = leaves.Keys.ToHashSet(StringComparer.Ordinal);
        Heads = new AuxiliaryHeads(leaves);
    }

    public Policy Policy { get; }

    /// <summary>Weights by name: the policy's under their names in the checkpoint, the heads' behind <c>auxiliary.</c></summary>
    public Dictionary<string, Tensor> Leaves { get; }

    /// <summary>Names of the policy's own.</summary>
    public IReadOnlySet<string> OfPolicy { get; }

    /// <summary>Actions of a label.</summary>
    public abstract int Horizon { get; }

    private protected TrainingRecipe Recipe { get; }

    private protected AuxiliaryHeads Heads { get; }

    /// <summary>Opens a policy to be trained.</summary>
    /// <param name="name">As <see cref="Policy.Open"/> takes it.</param>
    /// <param name="recipe">How it will be.</param>
    /// <exception cref="VitrineException">It is neither of the two kinds of the tabletop, or not the recipe's.</exception>
    public static Learner Open(string name, TrainingRecipe recipe)
    {
        var leaves = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var policy = Policy.Open(name, new ModelOptions { Leaves = leaves });
        try
        {
            return policy switch
            {
                OpenVlaPolicy tokens when !recipe.IsFlow => new TokenLearner(tokens, recipe, leaves),
                FlowPolicy flow when recipe.IsFlow => new FlowLearner(flow, recipe, leaves),
                _ => throw new VitrineException(
                    $"{name}: is a {policy.Family} policy; {(recipe.IsFlow ? "--flow trains smolvla" : "training without --flow is for openvla")}."),
            };
        }
        catch
        {
            policy.Dispose();
            throw;
        }
    }

    /// <summary>What is wrong with what the policy says of frames.</summary>
    /// <returns>A scalar in the current dispose scope, and its parts.</returns>
    public abstract (Tensor Loss, IReadOnlyDictionary<string, double> Measures) Loss(IReadOnlyList<TrainingFrame> frames, int step);

    /// <summary>What the policy would do: rows of seven numbers.</summary>
    public abstract IReadOnlyList<IReadOnlyList<double[]>> Act(IReadOnlyList<TrainingFrame> frames, int step);

    /// <summary>Times the recipe's rate, of a weight.</summary>
    public virtual double RateOf(string name) => OfPolicy.Contains(name) ? 1 : Math.Max(1, Recipe.HeadRate / Recipe.Rate);

    /// <summary>Puts initial random numbers in the place of the policy's weights.</summary>
    /// <remarks>
    /// Words N(0, .3), unembedding N(0, .02), learnt places and extra tokens N(0, .02); other matrices N(0, c / sqrt(inputs)) with c = .5 for what writes into
    /// a stream and .8 for the rest; biases 0, gains 1, LayerScale .3; keys begin as queries, so that equal contents find each other from the first step on.
    /// </remarks>
    public void BeginAnew()
    {
        using var mode = no_grad();
        foreach (var name in OfPolicy.Order(StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            var leaf = Leaves[name];
            leaf.copy_(Initial(name, leaf.shape));
        }

        foreach (var key in OfPolicy.Where(n => n.EndsWith("k_proj.weight", StringComparison.Ordinal)))
        {
            using var scope = NewDisposeScope();
            if (Leaves[key.Replace("k_proj", "q_proj", StringComparison.Ordinal)] is var query && query.shape.SequenceEqual(Leaves[key].shape))
            {
                Leaves[key].copy_(query);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (name, leaf) in Leaves.Where(l => !OfPolicy.Contains(l.Key)))
        {
            leaf.Dispose();
        }

        Policy.Dispose();
    }

    private Tensor Initial(string name, long[] shape)
    {
        if (name.EndsWith("scale_factor", StringComparison.Ordinal) || name.EndsWith("gamma", StringComparison.Ordinal))
        {
            return ones(shape).Times(.3);
        }

        if (shape.Length == 1)
        {
            return name.Contains("norm", StringComparison.Ordinal) && name.EndsWith(".weight", StringComparison.Ordinal) ? ones(shape) : zeros(shape);
        }

        using var generator = new Generator(SeedOf(name), CPU);
        var normal = randn(shape, generator: generator);
        return normal.Times(name switch
        {
            _ when name.Contains("embed_tokens", StringComparison.Ordinal) => .3,
            _ when name.Contains("lm_head", StringComparison.Ordinal) || name.Contains("action_out_proj", StringComparison.Ordinal)
                || name.Contains("pos", StringComparison.Ordinal) || name.EndsWith("token", StringComparison.Ordinal) => .02,
            _ => (Writes(name) ? .5 : .8) / Math.Sqrt(shape.Skip(1).Aggregate(1L, (a, b) => a * b)),
        });
    }

    private static bool Writes(string name)
        => new[] { "down_proj", "o_proj", "out_proj", "fc2", "attn.proj" }.Any(n => name.Contains(n, StringComparison.Ordinal));

    private ulong SeedOf(string name)
        => new Mechanisms.Statistics.RandomStream($"training/{Recipe.Seed}/initial/{name}").NextBits() >> 1;

    /// <summary>Adds the heads that every recipe has.</summary>
    private protected void AddPatchHead(string name, int width) => Heads.Add(name, AuxiliaryHeads.PatchOutputs, width, SeedOf(name));

    private protected void AddHead(string name, int outputs, int width) => Heads.Add(name, outputs, width, SeedOf(name));

    /// <summary>
    /// Cross-entropy of the attention of heads 0 and 1 from one token to the picture's, in front of the softmax, towards the patch that is meant.
    /// </summary>
    /// <param name="queries">(B,T,H,hd), turned.</param>
    /// <param name="keys">(B,T,Hkv,hd), turned.</param>
    /// <param name="looks">Row, the token that looks, the patch that is meant.</param>
    /// <param name="first">Where the picture's tokens begin.</param>
    /// <param name="patches">How many there are.</param>
    private protected static Tensor AttentionLoss(
        Tensor queries, Tensor keys, IReadOnlyList<(int Row, int Column, int Patch)> looks, int first, int patches)
    {
        var (heads, width) = (Math.Min(2, queries.shape[2]), queries.shape[3]);
        var shared = queries.shape[2] / keys.shape[2];
        var asking = queries.At(looks.Select(l => l.Row), looks.Select(l => l.Column)).narrow(1, 0, heads);                       // (N, 2, hd)
        var own = tensor([.. Enumerable.Range(0, (int)heads).Select(h => h / shared)]);
        var read = keys.index_select(0, tensor([.. looks.Select(l => (long)l.Row)])).narrow(1, first, patches).index_select(2, own);   // (N, P, 2, hd)
        var scores = (read * asking.unsqueeze(1)).sum(-1).Times(1 / Math.Sqrt(width)).transpose(1, 2);                            // (N, 2, P)
        var meant = tensor([.. looks.SelectMany(l => Enumerable.Repeat((long)l.Patch, (int)heads))]);
        return TrainingMath.CrossEntropy(scores.reshape(-1, patches), meant).mean();
    }

    /// <summary>A part of the loss with its weight, noted without.</summary>
    private protected static Tensor Noted(SortedDictionary<string, double> measures, string name, Tensor part, double weight)
    {
        measures[name] = part.Value();
        return part.Times(weight);
    }

    /// <summary>Where the shape's word stands in a prompt; -1 where it names none.</summary>
    private protected int ShapeWord(IReadOnlyList<int> ids)
    {
        for (var i = 0; i < ids.Count; i++)
        {
            if (Policy.Tokenizer.Token(ids[i]) is { } word && Tabletop.TabletopVocabulary.ConceptOf(word) is { } concept
                && Enum.TryParse<Tabletop.ObjectShape>(concept.Name, ignoreCase: true, out _))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>From the gripper to the target.</summary>
    private protected static double[] WayOf(TrainingFrame frame, AskedFrame asked)
    {
        var (at, from) = (frame.State.Objects[asked.Spec.Target].Position, frame.State.Gripper);
        return [at.X - from.X, at.Y - from.Y, at.Z - from.Z];
    }
}
