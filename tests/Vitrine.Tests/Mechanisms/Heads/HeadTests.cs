using Vitrine.Mechanisms.Heads;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds.Tabletop;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Heads;

public sealed class HeadTests
{
    [Fact]
    public void A_hand_set_induction_circuit_is_found_and_nothing_else_is()
    {
        using var induction = new InductionModel();
        var ids = HeadDetector.RepeatedTokens(InductionModel.Vocabulary, 11, seed: 4);
        Found(HeadKind.PreviousToken).ShouldBe([(0, 0)]);
        Found(HeadKind.Induction).ShouldBe([(1, 0)]);
        Found(HeadKind.DuplicateToken).ShouldBeEmpty();

        // It does what it is said to do: behind the first half it says the rest. The first token has no other in front of it than itself.
        using var run = induction.Model.Run(TokenBatch.Of([ids]));
        for (var t = 12; t < ids.Count - 1; t++)
        {
            run.Logits[0, t].argmax().item<long>().ShouldBe(ids[t + 1], $"position {t}");
        }

        (int, int)[] Found(HeadKind kind)
        {
            // In the second half of the text, where there is something to find.
            var scores = HeadDetector.Of(induction.Model, ids, kind);
            foreach (var score in scores.Where(s => s.Score <= Threshold(s)))
            {
                score.Score.ShouldBeLessThan(.3);
            }

            return [.. scores.Where(s => s.Score > Threshold(s)).Select(s => (s.Layer, s.Head))];
        }

        static double Threshold(HeadScore score) => Math.Max(.45, 3 * Math.Max(score.Uniform, score.Shuffled ?? 0));
    }

    [Fact]
    public void The_circuits_weights_say_the_same_without_a_run()
    {
        using var induction = new InductionModel();
        var stack = induction.Model.Language;
        var keys = CompositionScores.Of(stack, CompositionKind.Key);
        keys.MaxBy(c => c.Score).ShouldBe(keys.Single(c => (c.FromLayer, c.FromHead, c.ToLayer, c.ToHead) == (0, 0, 1, 0)));
        keys.Where(c => c is not { FromHead: 0, ToHead: 0 }).ShouldAllBe(c => c.Score == 0);
        CompositionScores.Of(stack, CompositionKind.Query).ShouldAllBe(c => c.Score < 1e-9);
        using var copy = HeadCircuits.FullOv(stack, 1, 0);
        copy.EigenvalueScore().ShouldBe(1, 1e-6);
        using var shift = HeadCircuits.FullOv(stack, 0, 0);
        shift.Norm().ShouldBe(0, 1e-9); // it writes where no word is read
        var pairs = copy.Largest(InductionModel.Vocabulary);
        pairs.ShouldAllBe(p => p.Row == p.Column && p.Value > 0);
        using var looks = HeadCircuits.Qk(stack, 0, 0);
        looks.Largest(1)[0].Value.ShouldBe(64, 1e-3);
    }

    [Theory, InlineData(7, 3, 9), InlineData(5, 5, 5), InlineData(9, 2, 4)]
    public void A_factored_matrix_says_what_its_product_says(int rows, int rank, int columns)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)rows);
        using var factored = new FactoredMatrix(randn([rows, rank], float64, generator: generator), randn([rank, columns], float64, generator: generator));
        var whole = factored.Product();
        factored.Norm().ShouldBe(Math.Sqrt((whole * whole).sum().item<double>()), 1e-9);
        var (u, s, v) = factored.Decomposed();
        ((u * s).matmul(v.t()) - whole).abs().max().item<double>().ShouldBeLessThan(1e-9);
        var (_, singular, _) = linalg.svd(whole, fullMatrices: false);
        (singular.narrow(0, 0, Math.Min(rank, singular.shape[0])) - s.narrow(0, 0, Math.Min(rank, singular.shape[0]))).abs().max().item<double>()
            .ShouldBeLessThan(1e-9);
        var largest = factored.Largest(4);
        largest.Select(l => l.Value).ShouldBe(whole.flatten().topk(4).values.data<double>().ToArray(), 1e-6);
        largest.ShouldAllBe(l => Math.Abs(l.Value - whole[l.Row, l.Column].item<double>()) < 1e-6);
        using var behind = new FactoredMatrix(randn([columns, 2], float64, generator: generator), randn([2, 6], float64, generator: generator));
        var product = whole.matmul(behind.Product());
        factored.Composition(behind).ShouldBe(Length(product) / (Length(whole) * Length(behind.Product())), 1e-9);
        if (rows == columns)
        {
            factored.Trace().ShouldBe(whole.trace().item<double>(), 1e-9);
            factored.Eigenvalues().Sum(e => e.Real).ShouldBe(whole.trace().item<double>(), 1e-9);
            (factored.Diagonal() - whole.diagonal()).abs().max().item<double>().ShouldBeLessThan(1e-9);
        }

        static double Length(Tensor x) => Math.Sqrt((x * x).sum().item<double>());
    }

    [Fact]
    public void Composition_of_all_pairs_is_that_of_each_pair()
    {
        using var model = TextModel.Open(Fixtures.Of("models", "gemma2"));
        foreach (var kind in Enum.GetValues<CompositionKind>())
        {
            var all = CompositionScores.Of(model.Language, kind);
            var (layers, heads) = (model.Language.Shape.Layers, model.Language.Shape.Heads);
            all.Count.ShouldBe(heads * heads * layers * (layers - 1) / 2);
            var one = all[^1];
            using var writer = HeadCircuits.Ov(model.Language, one.FromLayer, one.FromHead);
            using var qk = HeadCircuits.Qk(model.Language, one.ToLayer, one.ToHead);
            using var ov = HeadCircuits.Ov(model.Language, one.ToLayer, one.ToHead);
            using var turned = qk.Transposed();
            one.Score.ShouldBe(writer.Composition(kind switch { CompositionKind.Query => qk, CompositionKind.Key => turned, _ => ov }), 1e-9);
        }
    }

    /// <summary>The training supervised heads 0 and 1 of layer 2 at the shape word (the policy's recipe): they must look at the named object.</summary>
    [Fact]
    public void The_tabletops_heads_that_were_taught_to_look_at_the_named_object_are_found()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var looks = HeadLooks.Of(policy, TabletopLooks.Draw(policy, seed: 11, count: 12));
        var named = looks.Where(l => l is { At: "named object", From: "shape word" }).OrderByDescending(l => l.Above).ToArray();
        named.Take(3).Select(l => (l.Layer, l.Head)).Order().ShouldBe([(2, 0), (2, 1), (3, 2)]); // layer 3 came to it by itself
        named.Take(3).ShouldAllBe(l => l.Share > .4 && l.Shuffled < .1 && l.Uniform < .05);
        looks.ShouldAllBe(l => l.Share >= 0 && l.Share <= 1.0001 && l.Uniform > 0 && l.Uniform < 1);
    }

    [Theory, InlineData("embedded:tabletop"), InlineData("embedded:tabletop-flow")]
    public void Shares_of_things_that_make_up_everything_sum_to_one(string name)
    {
        using var policy = Policy.Open(name);
        var seen = TabletopStates.ForTest(seed: 3, count: 1)[0];
        var row = policy.Layout([seen]).Rows[0];
        var picture = row.Pictures.Values.SelectMany(p => p.Positions()).ToArray();
        long[] rest = [.. Enumerable.Range(0, (int)(row.Words.Max(w => w.Position) + 1)).Select(i => (long)i).Except(picture).Concat(row.State).Distinct()];
        var scene = new LookScene(seen, new Dictionary<string, IReadOnlyList<long>> { ["picture"] = picture, ["rest"] = rest },
            new Dictionary<string, IReadOnlyList<long>> { ["last word"] = [row.Words[^1].Position] });
        var looks = HeadLooks.Of(policy, [scene]);
        var language = looks.Where(l => l.From == "last word").GroupBy(l => (l.Layer, l.Head)).ToArray();
        language.Length.ShouldBeGreaterThan(0);
        language.ShouldAllBe(g => Math.Abs(g.Sum(l => l.Share) - 1) < 1e-4);
        looks.ShouldAllBe(l => l.Shuffled == null && l.Situations >= 1);
    }

    [Fact]
    public void What_cannot_be_looked_for_is_refused()
    {
        using var induction = new InductionModel();
        Should.Throw<VitrineException>(() => HeadCircuits.Ov(induction.Model.Language, 2, 0)).Message.ShouldContain("2 layers of 2 heads");
        Should.Throw<VitrineException>(() => HeadDetector.Of(induction.Model, [3], HeadKind.Induction)).Message.ShouldContain("expected two tokens or more");
        Should.Throw<VitrineException>(() => HeadDetector.RepeatedTokens(5, 6, 0)).Message.ShouldContain("6 tokens of a vocabulary of 5");
        using var bert = TextModel.Open(Fixtures.Of("models", "bert-classifier"));
        Should.Throw<VitrineException>(() => HeadDetector.Of(bert, [3, 4], HeadKind.Induction))
            .Message.ShouldContain("tokens or more in a decoder");
    }
}
