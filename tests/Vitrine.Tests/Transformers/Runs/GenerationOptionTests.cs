using System.Globalization;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Tests.Transformers.Runs;

public sealed class GenerationOptionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void A_row_that_stops_keeps_its_padding_while_the_others_go_on_unmoved()
    {
        using var model = TextFixtures.Any();
        var prompt = TextFixtures.Prompt(TextFixtures.First());
        int[][] prompts = [prompt, prompt[..4], prompt[1..6]];
        using var free = model.Generate(TokenBatch.Of(prompts), 6, cancellation: Token);
        var stop = free.Ids[0][1];
        using var stopped = model.Generate(TokenBatch.Of(prompts), new GenerationOptions(6) { StopIds = [stop], PadId = 7 }, cancellation: Token);
        stopped.Ids[0].Count.ShouldBeLessThanOrEqualTo(6);
        for (var row = 0; row < 3; row++)
        {
            var until = free.Ids[row].TakeWhile(id => id != stop).Count() + 1;
            stopped.Lengths[row].ShouldBe(Math.Min(until, 6));
            stopped.Ids[row].ShouldBe([.. free.Ids[row].Take(stopped.Lengths[row]), .. Enumerable.Repeat(7, stopped.Ids[row].Count - stopped.Lengths[row])]);
        }

        using var defaults = model.Generate(TokenBatch.Of(prompts), new GenerationOptions(6) { StopIds = [stop] }, cancellation: Token);
        defaults.Ids[0].Skip(defaults.Lengths[0]).ShouldAllBe(id => id == stop);
    }

    [Fact]
    public void When_every_row_has_stopped_nothing_more_is_computed()
    {
        using var model = TextFixtures.Any();
        var prompt = TextFixtures.Prompt(TextFixtures.First());
        using var free = model.Generate(TokenBatch.Of(prompt), 5, cancellation: Token);
        var plan = RunPlan.Capturing("language.0.mlp.out@*");
        using var stopped = model.Generate(TokenBatch.Of(prompt), new GenerationOptions(5) { StopIds = [free.Ids[0][0]] }, plan, cancellation: Token);
        stopped.Ids[0].ShouldBe([free.Ids[0][0]]);
        stopped.Run.Activations.Count.ShouldBe(1);
        stopped.Run.Logits.shape[1].ShouldBe(1);
    }

    [Fact]
    public void A_stop_string_may_span_tokens()
    {
        using var model = TextFixtures.Any();
        var prompt = TextFixtures.Prompt(TextFixtures.First());
        using var free = model.Generate(TokenBatch.Of(prompt), 5, cancellation: Token);
        var text = Decode(free.Ids[0]);
        var wanted = Decode([.. free.Ids[0].Skip(1).Take(2)])[1..];
        using var stopped = model.Generate(
            TokenBatch.Of(prompt), new GenerationOptions(5) { StopStrings = ["never", wanted], Decode = Decode }, cancellation: Token);
        var until = Enumerable.Range(1, 5).First(n => Decode([.. free.Ids[0].Take(n)]).Contains(wanted, StringComparison.Ordinal));
        stopped.Ids[0].ShouldBe(free.Ids[0].Take(until), $"'{wanted}' in '{text}'");
    }

    [Fact]
    public void The_same_seed_draws_the_same_tokens_and_another_others()
    {
        using var model = TextFixtures.Any();
        var prompt = TextFixtures.Prompt(TextFixtures.First());
        int[] Draw(ulong seed)
        {
            using var run = model.Generate(
                TokenBatch.Of(prompt), new GenerationOptions(12) { Sampling = new Sampling { Temperature = 2, Seed = seed } }, cancellation: Token);
            return [.. run.Ids[0]];
        }

        Draw(1).ShouldBe(Draw(1));
        Draw(1).ShouldNotBe(Draw(2));
    }

    [Fact]
    public void Sampling_from_one_token_is_greedy_also_under_an_edit()
    {
        using var model = TextFixtures.Any();
        var prompt = TextFixtures.Prompt(TextFixtures.First());
        var plan = RunPlan.Editing(new Clamp(new NeuronSet([new Neuron(1, 2)]), 4) { Scope = new EditScope { Positions = Positions.OfGenerated } });
        using var greedy = model.Generate(TokenBatch.Of(prompt), 6, plan, Token);
        using var sampled = model.Generate(
            TokenBatch.Of(prompt), new GenerationOptions(6) { Sampling = new Sampling { TopK = 1, Seed = 5 } }, plan, cancellation: Token);
        sampled.Ids[0].ShouldBe(greedy.Ids[0]);
        sampled.Run.Logits.ShouldHaveTheBitsOf(greedy.Run.Logits, "the same passes");
    }

    [Fact]
    public void Tokens_are_told_step_by_step_and_the_caller_can_stop()
    {
        using var model = TextFixtures.Any();
        var prompt = TextFixtures.Prompt(TextFixtures.First());
        var heard = new List<GeneratedStep>();
        using var run = model.Generate(TokenBatch.Of(prompt), new GenerationOptions(4), progress: new Listener(heard.Add), cancellation: Token);
        heard.Select(h => h.Step).ShouldBe([0, 1, 2, 3]);
        heard.Select(h => h.Ids[0]).ShouldBe(run.Ids[0]);

        using var source = new CancellationTokenSource();
        heard.Clear();
        Should.Throw<OperationCanceledException>(() => model.Generate(TokenBatch.Of(prompt), new GenerationOptions(50), progress: new Listener(h =>
        {
            heard.Add(h);
            if (h.Step == 2)
            {
                source.Cancel();
            }
        }), cancellation: source.Token));
        heard.Count.ShouldBe(3);
    }

    [Fact]
    public void Logits_that_are_not_wanted_are_not_kept()
    {
        using var model = TextFixtures.Any();
        using var run = model.Generate(TokenBatch.Of(3, 4), new GenerationOptions(3) { KeepLogits = false }, cancellation: Token);
        using var kept = model.Generate(TokenBatch.Of(3, 4), 3, cancellation: Token);
        run.Ids[0].ShouldBe(kept.Ids[0]);
        Should.Throw<VitrineException>(() => run.Run.Logits).Message.ShouldContain("not kept");
    }

    [Fact]
    public void Settings_that_mean_nothing_are_refused()
    {
        using var model = TextFixtures.Any();
        GenerationOptions[] wrong = [new(0), new(3) { StopStrings = ["x"] }, new(3) { StopStrings = [""], Decode = Decode },
            new(3) { Sampling = new Sampling { TopP = 2 } }];
        foreach (var options in wrong)
        {
            Should.Throw<VitrineException>(() => model.Generate(TokenBatch.Of(3, 4), options, cancellation: Token));
        }
    }

    private static string Decode(IReadOnlyList<int> ids) => string.Join(" ", ids.Select(i => i.ToString("D4", CultureInfo.InvariantCulture)));

    private sealed class Listener(Action<GeneratedStep> heard) : IProgress<GeneratedStep>
    {
        public void Report(GeneratedStep value) => heard(value);
    }
}
