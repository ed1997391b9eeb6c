using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

public sealed class NeuronDiffTests
{
    private const int Neurons = 20, Vocabulary = 300, Width = 24, FirstAction = 280;

    [Fact]
    public void Nothing_changed_between_a_model_and_itself()
    {
        using var model = RandomVectors.Draw(1, 2, Neurons, Vocabulary, Width);
        var diff = NeuronDiff.Of(model, model, id => id >= FirstAction);
        diff.Neurons.ShouldAllBe(n => Math.Abs(n.Cosine - 1) < 1e-6 && n.Change == 0 && n.BaseActions == n.TunedActions);
        diff.Tokens.ShouldAllBe(t => t.Z == 0 && t.Base == t.Tuned);
        diff.NewWriters.ShouldBeEmpty();
        diff.Layers.ShouldAllBe(l => Math.Abs(l.CosineOfRandomPairs) < 0.5, "the control stays far below 1");
    }

    [Fact]
    public void A_neuron_turned_to_the_action_tokens_is_found_and_measured()
    {
        using var before = RandomVectors.Draw(2, 2, Neurons, Vocabulary, Width);
        using var tokens = before.Unembedding();
        using var actions = tokens.narrow(0, FirstAction, Vocabulary - FirstAction);
        using var direction = ones(Width);
        actions.add_(direction * 3);                                                                       // action tokens share a direction
        using var scope = NewDisposeScope();
        var (first, second) = (before.Vectors(0), before.Vectors(1).clone());
        second[7] = second[7] - (direction * 2);
        using var old = new RandomVectors([first.clone(), second.clone()], tokens.clone(), "base");
        second[7] = direction * 5;
        using var now = new RandomVectors([first.clone(), second.clone()], tokens.clone(), "tuned");
        var diff = NeuronDiff.Of(old, now, id => id >= FirstAction);
        diff.NewWriters.Select(n => n.Neuron).ShouldBe([new Neuron(1, 7)]);
        var found = diff.Neurons.Single(n => n.Neuron == new Neuron(1, 7));
        var (a, b) = (old.Vectors(1)[7].to(float64), now.Vectors(1)[7].to(float64));
        found.Cosine.ShouldBe((a.dot(b) / (a.norm() * b.norm())).item<double>(), 1e-6);
        found.Change.ShouldBe(((b - a).norm() / a.norm()).item<double>(), 1e-5);
        found.TunedActions.ShouldBe(Vocabulary - FirstAction);
        diff.Neurons.Where(n => n.Neuron != new Neuron(1, 7)).ShouldAllBe(n => n.Change == 0);
        (diff.Layers[0].NewWriters, diff.Layers[1].NewWriters, diff.Layers[1].LostWriters).ShouldBe((0, 1, 0));
        (diff.BaseFingerprint, diff.TunedFingerprint).ShouldBe(("base", "tuned"));
    }

    [Fact]
    public void The_z_of_a_token_is_its_change_in_deviations_over_all_tokens()
    {
        using var before = RandomVectors.Draw(3, 1, Neurons, Vocabulary, Width);
        using var after = RandomVectors.Draw(4, 1, Neurons, Vocabulary, Width);
        var tokens = NeuronDiff.Of(before, after, id => id >= FirstAction).Tokens;
        tokens.Average(t => t.Z).ShouldBe(0, 1e-9);
        tokens.Average(t => t.Z * t.Z).ShouldBe(1, 1e-9);
        tokens.Sum(t => t.Base).ShouldBe(Neurons * 30);
        var (one, other) = (tokens.MaxBy(t => t.Tuned - t.Base)!, tokens.MinBy(t => t.Tuned - t.Base)!);
        one.Z.ShouldBe(tokens.Max(t => t.Z));
        other.Z.ShouldBe(tokens.Min(t => t.Z));
    }

    [Fact]
    public void Tokens_that_the_base_lacks_are_left_out()
    {
        using var after = RandomVectors.Draw(3, 1, Neurons, Vocabulary, Width);
        using var tokens = after.Unembedding();
        using var vectors = after.Vectors(0);
        using var before = new RandomVectors([vectors.clone()], tokens.narrow(0, 0, FirstAction).clone());
        int[] valid = [.. Enumerable.Range(0, Vocabulary).Where(id => id % 2 == 0)];
        var diff = NeuronDiff.Of(before, after, isAction: null, new ProjectionSettings { Tokens = valid });
        diff.Tokens.Select(t => t.Id).ShouldBe(valid.Where(id => id < FirstAction));
        diff.Tokens.ShouldAllBe(t => t.Base == t.Tuned);
        Should.Throw<VitrineException>(() => NeuronDiff.Of(before, after, isAction: null)).Message.ShouldContain(
            $"{FirstAction} tokens", customMessage: "nobody said which tokens are meant");
    }

    [Fact]
    public void Vectors_of_another_width_are_refused_with_both_widths()
    {
        using var before = RandomVectors.Draw(3, 1, Neurons, Vocabulary, Width);
        using var after = RandomVectors.Draw(4, 1, Neurons, Vocabulary, Width + 1);
        var message = Should.Throw<VitrineException>(() => NeuronDiff.OfVectors(before, after)).Message;
        message.ShouldContain("width 24");
        message.ShouldContain("width 25");
    }

    [Fact]
    public void Models_of_different_sizes_are_refused_with_both_sizes()
    {
        using var before = RandomVectors.Draw(3, 1, Neurons, Vocabulary, Width);
        using var after = RandomVectors.Draw(4, 2, Neurons, Vocabulary, Width);
        Should.Throw<VitrineException>(() => NeuronDiff.Of(before, after, _ => false)).Message.ShouldContain("2 layers of 20 neurons");
    }
}
