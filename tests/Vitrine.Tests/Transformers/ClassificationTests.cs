using Vitrine.Certification;
using Vitrine.Transformers;

namespace Vitrine.Tests.Transformers;

public sealed class ClassificationTests
{
    public static TheoryData<string> Models()
    {
        var data = new TheoryData<string>();
        foreach (var row in Subject.Names())
        {
            using var fixture = Fixture.Open(Path.Combine(Fixtures.Root, "models", row.Data));
            if (fixture.Has("single/out.class_logits"))
            {
                data.Add(row.Data);
            }
        }

        return data;
    }

    [Theory, MemberData(nameof(Models))]
    public void Left_padded_right_padded_and_alone_are_the_same_class(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        using var model = TextModel.Open(fixture.Folder);
        var prompt = fixture.IdRows("single/in.input_ids")[0];
        int[][] prompts = [prompt, prompt[..4], prompt[2..9]];
        using var left = model.Classify(TokenBatch.Of(prompts, padLeft: true));
        using var right = model.Classify(TokenBatch.Of(prompts));
        for (var row = 0; row < prompts.Length; row++)
        {
            using var alone = model.Classify(TokenBatch.Of(prompts[row]));
            foreach (var padded in new[] { left, right })
            {
                padded.Names[row].ShouldBe(alone.Names[0]);
                (padded.Run.Logits[row] - alone.Run.Logits[0]).abs().max().item<float>()
                    .ShouldBeLessThan(5e-5f * Math.Max(1, alone.Run.Logits.abs().max().item<float>()));
            }
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void The_scores_of_one_class_of_many_sum_to_1_and_the_largest_is_named(string name)
    {
        using var fixture = Fixture.Open(Fixtures.Of("models", name));
        using var model = TextModel.Open(fixture.Folder);
        using var answer = model.Classify(TokenBatch.Of(fixture.IdRows("single/in.input_ids")[0]));
        var scores = answer.Scores()[0];
        scores.Count.ShouldBe(model.Labels!.Names.Count);
        scores.Sum().ShouldBe(1, 1e-12);
        answer.Names[0].ShouldBe(model.Labels.Names[scores.Index().MaxBy(s => s.Item).Index]);
    }

    [Theory, MemberData(nameof(Models))]
    public void A_classifier_generates_nothing_and_says_so(string name)
    {
        using var model = TextModel.Open(Fixtures.Of("models", name));
        Should.Throw<VitrineException>(() => model.Generate(TokenBatch.Of(3, 4), 2,
            cancellation: TestContext.Current.CancellationToken)).Message.ShouldContain(model.Family);
    }

    [Fact]
    public void A_decoder_without_class_head_says_that_it_cannot_classify()
    {
        foreach (var row in GenerationTests.Models())
        {
            using var model = TextModel.Open(Path.Combine(Fixtures.Root, "models", row.Data));
            Should.Throw<VitrineException>(() => model.Classify(TokenBatch.Of(3, 4))).Message.ShouldContain("ForSequenceClassification");
        }
    }
}
