using CsCheck;
using Vitrine.Mechanisms.Probes;
using Vitrine.Mechanisms.Statistics;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Probes;

public sealed class LayerProbesTests : IDisposable
{
    private readonly IDisposable scope = NewDisposeScope();

    [Fact]
    public void Folds_hold_every_class_evenly()
        => Gen.Select(Gen.Int[2, 6], Gen.Int[0, 1000], Gen.Int[1, 5].Array[2, 5]).Sample((count, seed, sizes) =>
        {
            int[] labels = [.. sizes.SelectMany((size, k) => Enumerable.Repeat(k, size * count))];
            var folds = Folds.Stratified(labels, count, (ulong)seed);
            foreach (var (k, size) in sizes.Index().Select(s => (s.Index, s.Item)))
            {
                var held = Enumerable.Range(0, count).Select(f => Enumerable.Range(0, labels.Length).Count(i => labels[i] == k && folds.Of[i] == f));
                held.ShouldAllBe(h => h == size);
            }
        }, iter: 50);

    [Fact]
    public void A_group_is_never_on_both_sides()
        => Gen.Select(Gen.Int[0, 1000], Gen.Int[0, 9].Array[40]).Sample((seed, groups) =>
        {
            var several = groups.Distinct().Count();
            if (several >= 3)
            {
                var folds = Folds.ByGroup(groups, count: 3, seed: (ulong)seed);
                groups.Index().GroupBy(g => g.Item).ShouldAllBe(g => g.Select(e => folds.Of[e.Index]).Distinct().Count() == 1);
                folds.Of.Distinct().Count().ShouldBe(3);
            }
        }, iter: 50);

    [Fact]
    public void What_is_there_is_read_and_what_is_not_there_is_as_good_as_shuffled()
    {
        int[] labels = [.. Enumerable.Range(0, 120).Select(i => i % 2)];
        var noise = Noise(120, 10, seed: 1);
        var signal = noise.clone();
        signal.narrow(1, 3, 1).add_(tensor(labels.Select(l => l * 4.0).ToArray()).unsqueeze(1));
        var question = ProbeQuestion.OfClasses([.. labels.Select(l => l == 1 ? "yes" : "no")]);
        var probes = LayerProbes.Read([new(0, "a.0.x", noise), new(1, "a.1.x", signal)], question, new() { Shuffles = 30, Resamples = 200, Seed = 5 });
        probes.Best.Place.ShouldBe("a.1.x");
        probes.Best.Score.Mean.ShouldBeGreaterThan(.9);
        probes.Best.Auroc!.Low.ShouldBeGreaterThan(.9);
        probes.BestP.ShouldBe(1 / 31.0, 1e-12);
        probes.Rows[0].Score.Low.ShouldBeLessThan(.5);
        probes.Rows[0].P.ShouldBeGreaterThan(.05);
        probes.Rows.ShouldAllBe(r => Math.Abs(r.Shuffled.Mean - .5) < .08);
        (probes.Chance, probes.Metric, probes.Recurring).ShouldBe((.5, "accuracy", 0));
        probes.Rows.ShouldAllBe(r => r.Control == null && r.Selectivity == null);
    }

    [Fact]
    public void A_probe_that_remembers_types_reads_the_control_task_and_has_no_selectivity()
    {
        // Every type has a vector of its own and a label of its own: nothing is common to the types of a label, so all that a probe can do is remember types.
        var types = Enumerable.Range(0, 240).Select(i => i % 12).ToArray();
        var x = nn.functional.one_hot(tensor(types.Select(t => (long)t).ToArray()), 12).to(float64) + (Noise(240, 12, seed: 2) * .05);
        string[] labels = [.. types.Select(t => t is 0 or 3 or 4 or 6 or 9 or 11 ? "p" : "q")];
        var question = ProbeQuestion.OfClasses(labels) with { Types = [.. types.Select(t => $"{t}")] };
        var probes = LayerProbes.Read([new(0, "a.0.x", x)], question, new() { Shuffles = 5, Resamples = 50 });
        probes.Recurring.ShouldBe(1);
        probes.Best.Score.Mean.ShouldBe(1);
        probes.Best.Control!.Mean.ShouldBeGreaterThan(.95);
        probes.Best.Selectivity!.Value.ShouldBeLessThan(.05);
    }

    [Fact]
    public void Numbers_are_predicted_with_their_own_share_of_the_variance()
    {
        var x = Noise(300, 6, seed: 3);
        var y = (x.select(1, 2) * 2) + Noise(300, 1, seed: 4).squeeze(1);                                  // four fifths of its variance
        var question = ProbeQuestion.OfNumbers(y.data<double>().ToArray());
        var recipe = new ProbeRecipe { Kind = ProbeKind.Ridge };
        var probes = LayerProbes.Read([new(0, "a.0.x", x)], question, new() { Recipe = recipe, Shuffles = 10, Resamples = 300 });
        probes.Best.Score.Mean.ShouldBe(.8, .06);
        probes.Best.Score.Low.ShouldBeLessThan(.8);
        probes.Best.Score.High.ShouldBeGreaterThan(.8);
        probes.Best.Shuffled.Largest.ShouldBeLessThan(.05);
        (probes.Metric, probes.Best.Auroc).ShouldBe(("R2", null));
    }

    [Fact]
    public void Parts_of_one_text_are_one_group_and_their_shuffles_move_whole_texts()
    {
        // Every text has a mark that all its tokens carry: without whole texts held out, a probe would know each text's label by it.
        int[] owners = [.. Enumerable.Range(0, 40).SelectMany(t => Enumerable.Repeat(t, 6))];
        Tensor Marks(ulong seed) => Noise(40, 60, seed).index_select(0, tensor(owners.Select(o => (long)o).ToArray())) * 3;
        var question = ProbeQuestion.OfClasses([.. Enumerable.Range(0, 40).Select(t => t % 2 == 0 ? "a" : "b")]);
        LayerProbes[] grouped =
        [
            .. Enumerable.Range(0, 12).Select(s => LayerProbes.Read(
                [new(0, "a.0.x", Marks((ulong)s))], question.Of(owners), new() { Shuffles = 4, Resamples = 20 })),
        ];
        grouped.ShouldAllBe(g => g.Groups == 40);
        grouped.Average(g => g.Best.Score.Mean).ShouldBe(.5, .07);                                         // 480 texts: three deviations
        grouped.Average(g => g.Best.Shuffled.Mean).ShouldBe(.5, .05);
        LayerProbes.Read([new(0, "a.0.x", Marks(6))], question.Of(owners) with { Groups = null }, new() { Shuffles = 2, Resamples = 50 })
            .Best.Score.Mean.ShouldBe(1);
    }

    [Fact]
    public void The_same_seed_gives_the_same_profile()
    {
        var question = ProbeQuestion.OfClasses([.. Enumerable.Range(0, 60).Select(i => $"{i % 3}")]);
        var x = Noise(60, 8, seed: 8);
        LayerProbes At(ulong seed) => LayerProbes.Read([new(0, "a.0.x", x)], question, new() { Shuffles = 4, Resamples = 20, Seed = seed });
        At(1).Best.ShuffledScores.ShouldBe(At(1).Best.ShuffledScores);
        At(1).Best.Score.ShouldBe(At(1).Best.Score);
        At(1).Best.ShuffledScores.ShouldNotBe(At(2).Best.ShuffledScores);
    }

    [Fact]
    public void An_answer_that_rises_along_a_concept_is_told_from_random_concepts()
    {
        var axis = Noise(1, 16, seed: 1).squeeze(0);
        var concept = Noise(30, 16, seed: 2) + (axis * 2);
        var pool = Noise(90, 16, seed: 3);
        var along = ConceptSensitivity.Of((Noise(40, 16, seed: 4) * .3) + axis, concept, pool, draws: 40);
        along.Score.ShouldBeGreaterThan(.95);
        along.Test.P.ShouldBeLessThan(.01);
        var across = ConceptSensitivity.Of(Noise(40, 16, seed: 5), concept, pool, draws: 12);
        across.Score.ShouldBe(.5, .3);
        ConceptSensitivity.Of(-((Noise(40, 16, seed: 4) * .3) + axis), concept, pool, draws: 40).Score.ShouldBe(1 - along.Score, 1e-12);
    }

    [Fact]
    public void Labelled_texts_are_read_from_both_kinds_of_file()
    {
        var folder = Directory.CreateTempSubdirectory("vitrine-texts-").FullName;
        try
        {
            string Write(string name, string content)
            {
                File.WriteAllText(Path.Combine(folder, name), content);
                return Path.Combine(folder, name);
            }

            LabelledText[] expected = [new("warm", "push the red block"), new("cold", "lift it")];
            LabelledTexts.Read(Write("a.tsv", "id\ttext\tlabel\n1\tpush the red block\twarm\n\n2\tlift it\tcold\n")).ShouldBe(expected);
            string[] lines = ["""{"label":"warm","text":"push the red block"}""", """{"text":"lift it","label":"cold","x":1}"""];
            LabelledTexts.Read(Write("a.jsonl", string.Join('\n', lines))).ShouldBe(expected);
            Refused(Write("b.tsv", "a\tb\n1\t2\n")).ShouldContain("its first line names a, b; expected columns label and text");
            Refused(Write("c.tsv", "label\ttext\nx\n")).ShouldContain("line 2 has 1 cells; expected 2");
            Refused(Write("d.jsonl", "{\"label\":1}")).ShouldContain("line 1: lacks a label or a text");
            Refused(Write("e.jsonl", "{")).ShouldContain("line 1: is no JSON");
            Refused(Write("f.tsv", "label\ttext\n")).ShouldContain("holds no text");
            Refused(Path.Combine(folder, "none.tsv")).ShouldContain("cannot be read");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        static string Refused(string path) => Should.Throw<VitrineException>(() => LabelledTexts.Read(path)).Message;
    }

    public static TheoryData<string, Action> Refusals()
    {
        ProbedLayer layer = new(0, "a.0.x", rand(4, 2));
        var (two, ridge) = (ProbeQuestion.OfClasses(["a", "b", "a", "b"]), new ProbeRecipe { Kind = ProbeKind.Ridge });
        return new()
        {
            { "probe: 2 examples of 1 classes (a)", () => ProbeQuestion.OfClasses(["a", "a"]) },
            { "probe: 2 targets, of which 1 differ", () => ProbeQuestion.OfNumbers([1, 1]) },
            { "probe: a part belongs to example 9; there are 4", () => two.Of([9]) },
            { "folds: class 0 has 2 examples; expected at least one for each of 5 folds.", () => Folds.Stratified([0, 0, 1, 1, 1, 1, 1]) },
            { "folds: 1 folds of 4 examples", () => LayerProbes.Read([layer], two, new() { Folds = 1 }) },
            { "folds: 2 folds of 1 groups", () => LayerProbes.Read([layer], two with { Groups = [1, 1, 1, 1] }, new() { Folds = 2 }) },
            { "probe: 0 layers for 4 answers", () => LayerProbes.Read([], two) },
            { "probe: 1 layers for 3 answers", () => LayerProbes.Read([layer], ProbeQuestion.OfClasses(["a", "b", "a"])) },
            { "probe: Ridge predicts numbers, and classes are asked.", () => LayerProbes.Read([layer], two, new() { Recipe = ridge }) },
            { "probe: 0 shuffles", () => LayerProbes.Read([layer], two, new() { Shuffles = 0 }) },
            { "TCAV: gradients 2 wide, 3 examples 2 wide, a pool of 5", () => ConceptSensitivity.Of(rand(4, 2), rand(3, 2), rand(5, 2)) },
        };
    }

    [Theory, MemberData(nameof(Refusals), DisableDiscoveryEnumeration = true)]
    public void Bad_input_is_refused_in_one_line(string begins, Action act) => Should.Throw<VitrineException>(act).Message.ShouldStartWith(begins);

    public void Dispose() => scope.Dispose();

    private static Tensor Noise(long rows, long columns, ulong seed)
    {
        var random = new RandomStream($"noise/{seed}");
        return tensor(Enumerable.Range(0, (int)(rows * columns)).Select(_ => random.Gaussian()).ToArray(), [rows, columns]);
    }
}
