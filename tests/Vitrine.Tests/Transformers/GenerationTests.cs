using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Checkpoints;
using Vitrine.Tests.Certification;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Tests.Transformers;

public sealed class GenerationTests
{
    public static TheoryData<string> Models()
    {
        var data = new TheoryData<string>();
        foreach (var row in CertificationTests.Folders())
        {
            using var fixture = Fixture.Open(Path.Combine(Fixtures.Root, "models", row.Data));
            if (fixture.Has("single/out.generated_ids") && new TextCertifier().Knows(fixture))
            {
                data.Add(row.Data);
            }
        }

        return data;
    }

    [Theory, MemberData(nameof(Models))]
    public void Cached_decoding_equals_the_full_forward_also_under_an_edit(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        using var model = TextModel.Open(fixture.Folder);
        var prompt = fixture.IdRows("single/in.input_ids")[0];
        var plan = RunPlan.Editing(new Clamp(new NeuronSet([new Neuron(1, 2), new Neuron(0, 5)]), 3));
        using var generation = model.Generate(TokenBatch.Of(prompt), 5, plan, TestContext.Current.CancellationToken);
        using var full = model.Run(TokenBatch.Of([.. prompt, .. generation.Ids[0].Take(4)]), plan);
        using var expected = full.Logits.narrow(1, prompt.Length - 1, 5);
        (generation.Run.Logits - expected).abs().max().item<float>().ShouldBeLessThan(5e-5f * Math.Max(1, expected.abs().max().item<float>()));
    }

    [Theory, MemberData(nameof(Models))]
    public void Left_padded_right_padded_and_alone_are_the_same(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        using var model = TextModel.Open(fixture.Folder);
        var prompt = fixture.IdRows("single/in.input_ids")[0];
        int[][] prompts = [prompt, prompt[..4], prompt[2..9]];
        var token = TestContext.Current.CancellationToken;
        using var left = model.Generate(TokenBatch.Of(prompts, padLeft: true), 4, cancellation: token);
        using var right = model.Generate(TokenBatch.Of(prompts), 4, cancellation: token);
        for (var row = 0; row < prompts.Length; row++)
        {
            using var alone = model.Generate(TokenBatch.Of(prompts[row]), 4, cancellation: token);
            foreach (var padded in new[] { left, right })
            {
                padded.Ids[row].ShouldBe(alone.Ids[0]);
                (padded.Run.Logits[row] - alone.Run.Logits[0]).abs().max().item<float>()
                    .ShouldBeLessThan(5e-5f * Math.Max(1, alone.Run.Logits.abs().max().item<float>()));
            }
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void Every_decode_step_can_be_captured_and_edited(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        using var model = TextModel.Open(fixture.Folder);
        var prompt = fixture.IdRows("single/in.input_ids")[0];
        var token = TestContext.Current.CancellationToken;
        var zero = new Zero("language.0.mlp.neurons") { Scope = new EditScope { Steps = [2] } };
        using var run = model.Generate(TokenBatch.Of(prompt), 4, new RunPlan { Capture = ["language.0.mlp.neurons@*"], Edits = [zero] }, token);
        run.Run.Activations.Keys.Select(a => a.Step).ShouldBe([0, 1, 2, 3]);
        run.Run["language.0.mlp.neurons@2"].abs().max().item<float>().ShouldBe(0);
        run.Run["language.0.mlp.neurons@1"].abs().max().item<float>().ShouldBeGreaterThan(0);
    }

    [Theory, MemberData(nameof(Models))]
    public void Opening_keys_and_weights_apart_is_the_same_model(string name)
    {
        var folder = Fixtures.Of("models", name);
        using var fixture = Fixture.Open(folder);
        using var whole = TextModel.Open(folder);
        var keys = ConfigReader.Open(Path.Combine(folder, "config.json")).Root;
        using var apart = TextModel.Open(new ConfigReader(keys, "metadata"), Checkpoint.Open(folder));
        var batch = TokenBatch.Of(fixture.IdRows("single/in.input_ids")[0]);
        using var a = whole.Run(batch);
        using var b = apart.Run(batch);
        b.Logits.ShouldHaveTheBitsOf(a.Logits, name);
        apart.Fingerprint.ShouldBe(whole.Fingerprint);
    }

    [Theory, MemberData(nameof(Models))]
    public void A_single_token_reads_the_cache_as_the_full_forward_does_whatever_is_captured(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        using var model = TextModel.Open(fixture.Folder);
        var prompt = TokenBatch.Of(fixture.IdRows("single/in.input_ids")[0]);
        var token = TestContext.Current.CancellationToken;
        using var plain = model.Generate(prompt, 4, cancellation: token);
        using var watched = model.Generate(prompt, 4, RunPlan.Capturing("language.*.attn.pattern@*"), token);
        using var written = model.Generate(prompt, 4, new RunPlan { ExplicitAttention = true }, token);
        watched.Run.Logits.ShouldHaveTheBitsOf(plain.Run.Logits, "captured");
        (written.Run.Logits - plain.Run.Logits).abs().max().item<float>().ShouldBeLessThan(5e-5f * Math.Max(1, plain.Run.Logits.abs().max().item<float>()));
    }
}
