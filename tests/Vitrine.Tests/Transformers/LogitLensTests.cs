using System.Globalization;
using Vitrine.Certification;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Transformers;

public sealed class LogitLensTests
{
    public static TheoryData<string> Decoders() => TextFixtures.Decoders();

    /// <summary>Behind the last block nothing is left to compute: norm, head and soft cap are the model's own.</summary>
    [Theory, MemberData(nameof(Decoders))]
    public void Behind_the_last_block_the_lens_is_the_models_answer(string name)
    {
        using var model = TextFixtures.Open(name);
        var batch = TokenBatch.Of(TextFixtures.Prompt(name));
        using var run = model.Run(batch);
        var lens = LogitLens.Of(model.Language, Residuals(model, batch), id => $"{id}", count: 3);
        (lens.Layers, lens.Rows, lens.Positions).ShouldBe((model.Language.Shape.Layers, 1, batch.Ids[0].Count));
        for (var position = 0; position < lens.Positions; position++)
        {
            var said = lens[lens.Layers - 1, position];
            var answer = Answer.Of(run.Logits[0, position], ClassScores.OneOfMany, 3);
            said.Select(t => t.Id).ShouldBe(answer.Select(a => a.Id));
            said.Zip(answer).ShouldAllBe(p => Math.Abs(p.First.Logit - p.Second.Logit) <= 5e-5 * Math.Max(1, Math.Abs(p.Second.Logit)));
            said.Zip(answer).ShouldAllBe(p => Math.Abs(p.First.Probability!.Value - p.Second.Probability!.Value) <= 5e-5);
        }
    }

    /// <summary>TransformerLens: unembed(ln_final(accumulated residual)); its row 2 (layer + 1) is the residual behind a layer.</summary>
    [Fact]
    public void Every_layer_says_what_the_reference_reads_there()
    {
        using var fixture = Fixture.Open(Fixtures.Of("methods", "logit-lens"));
        foreach (var named in fixture.Meta.GetProperty("models").EnumerateObject())
        {
            using var model = TextModel.Open(Fixtures.Of(named.Value.GetString()!.Split('/')));
            var lens = LogitLens.Of(model.Language, Residuals(model, TokenBatch.Of(fixture.IdRows($"{named.Name}/in.ids"))), id => $"{id}");
            using var top = fixture.Read($"{named.Name}/raw/lens.top5");                                   // (parts, B, T, 5)
            using var logits = fixture.Read($"{named.Name}/raw/lens.logits");                              // (parts, B, T, V)
            for (var layer = 0; layer < lens.Layers; layer++)
            {
                for (var (row, place) = (0, 0); row < lens.Rows; row += ++place / lens.Positions, place %= lens.Positions)
                {
                    foreach (var (rank, token) in lens[layer, place, row].Index())
                    {
                        var where = $"{named.Name}, layer {layer}, row {row}, position {place}";
                        token.Id.ShouldBe((int)top[2 * (layer + 1), row, place, rank].item<long>(), where);
                        var wanted = logits[2 * (layer + 1), row, place, token.Id].item<float>();
                        token.Logit.ShouldBe(wanted, 5e-5 * Math.Max(1, Math.Abs(wanted)));
                    }
                }
            }
        }
    }

    [Fact]
    public void Positions_count_from_the_end_too_and_what_is_not_there_is_named()
    {
        var name = TextFixtures.First();
        using var model = TextFixtures.Open(name);
        var lens = LogitLens.Of(model.Language, Residuals(model, TokenBatch.Of(TextFixtures.Prompt(name))), id => $"{id}");
        lens[0].ShouldBe(lens[0, lens.Positions - 1]);
        Should.Throw<VitrineException>(() => lens[lens.Layers]).Message.ShouldContain($"there are {lens.Layers} layers");
        using var bare = model.Run(TokenBatch.Of(TextFixtures.Prompt(name)));
        Should.Throw<VitrineException>(() => LogitLens.Of(model.Language, bare, id => $"{id}")).Message.ShouldContain("was not captured");
    }

    /// <summary>Behind the last block, at the last position of the prompt, stands the token that the policy then says.</summary>
    [Fact]
    public void A_policy_says_behind_its_last_block_what_it_does()
    {
        using var policy = Policy.Open("embedded:tabletop");
        var seen = TabletopStates.ForTest(seed: 3, count: 1)[0];
        using var acted = policy.Act([seen]);
        var lens = policy.Lens(seen, count: 1);
        lens[lens.Layers - 1][0].Id.ShouldBe((int)acted.Actions[0].Tokens!.TokenIds[0]);
        var spoken = policy.Actions!.Centre(lens[lens.Layers - 1][0].Id);
        lens[lens.Layers - 1][0].Token.ShouldBe(string.Create(CultureInfo.InvariantCulture, $"[{spoken:+0.00;-0.00;0.00}]"));
    }

    [Fact]
    public void A_token_is_shown_with_its_space_and_never_as_half_a_character()
    {
        using var model = TextModel.Open(Path.Combine(Fixtures.Repository, "tests", "fixtures", "models", "llama"));
        var shown = Enumerable.Range(0, model.Language.Shape.Vocabulary).Select(model.Tokenizer.Shown).ToArray();
        shown.ShouldAllBe(s => s.Length > 0 && !s.Contains('\uFFFD'));
        model.Tokenizer.Shown(-1).ShouldBe("<-1>");
        var written = model.Tokenizer.Encode("the red block");
        string.Concat(written.Skip(1).Select(model.Tokenizer.Shown)).Trim().ShouldBe("the red block");
    }

    private static Run Residuals(TextModel model, TokenBatch batch) => model.Run(batch, RunPlan.Capturing("language.*.resid_post"));
}
