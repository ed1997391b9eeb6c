using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>
/// What a class head's numbers mean, by config.json: softmax of one class of many, sigmoid of classes that stand for themselves and of a single one, and the
/// number itself of a regression (transformers, pipelines/text_classification.py).
/// </summary>
public sealed class AnswerTests
{
    private static readonly int[] Prompt = [3, 7, 4, 9, 5];

    /// <summary>Classifier of texts, classes, problem_type, and what it means.</summary>
    public static TheoryData<string, int, string?, ClassScores> Heads()
    {
        var data = new TheoryData<string, int, string?, ClassScores>();
        foreach (var name in new[] { "llama-classifier", "gpt2-classifier", "bert-classifier", "distilbert-classifier" })
        {
            data.Add(name, 1, null, ClassScores.Independent);
            data.Add(name, 1, "single_label_classification", ClassScores.Independent);
            data.Add(name, 1, "multi_label_classification", ClassScores.Independent);
            data.Add(name, 1, "regression", ClassScores.Quantity);
            data.Add(name, 4, null, ClassScores.OneOfMany);
            data.Add(name, 4, "single_label_classification", ClassScores.OneOfMany);
            data.Add(name, 4, "multi_label_classification", ClassScores.Independent);
            data.Add(name, 2, "regression", ClassScores.Quantity);
        }

        return data;
    }

    [Theory, MemberData(nameof(Heads))]
    public void A_class_head_s_scores_are_what_its_configuration_says(string name, int classes, string? problem, ClassScores meaning)
    {
        using var folder = ChangedModel.Head(name, classes, problem);
        using var model = TextModel.Open(folder.Folder);
        model.Labels!.Scores.ShouldBe(meaning);
        using var answer = model.Classify(TokenBatch.Of(Prompt));
        double[] logits = [.. answer.Run.Logits[0].to(float64).data<double>()];
        var expected = Expected(logits, meaning);
        answer.Scores()[0].ShouldBe(expected, 1e-12);
        var answers = Answer.Of(answer.Run.Logits[0], meaning);
        answers.Select(a => a.Id).ShouldBe(Enumerable.Range(0, classes).OrderByDescending(i => logits[i]).ThenBy(i => i));
        answers.ShouldAllBe(a => a.Logit == logits[a.Id]);
        answers.ShouldAllBe(a => meaning == ClassScores.Quantity ? a.Probability == null : Math.Abs(a.Probability!.Value - expected[a.Id]) < 1e-12);
        answer.ClassIds[0].ShouldBe(answers[0].Id);
    }

    [Theory]
    [InlineData(1, null, ClassScores.Independent)]
    [InlineData(4, "multi_label_classification", ClassScores.Independent)]
    [InlineData(5, null, ClassScores.OneOfMany)]
    [InlineData(2, "regression", ClassScores.Quantity)]
    public void A_picture_s_classes_are_scored_by_the_same_rule(int classes, string? problem, ClassScores meaning)
    {
        using var folder = ChangedModel.Head("vit-classifier", classes, problem);
        using var model = VisionModel.Open(folder.Folder);
        using var pixels = linspace(-1, 1, 3 * model.Tower.ImageSize * model.Tower.ImageSize).reshape(1, 3, model.Tower.ImageSize, model.Tower.ImageSize);
        using var answer = model.Classify(pixels);
        double[] logits = [.. answer.Run.Logits[0].to(float64).data<double>()];
        var expected = Expected(logits, meaning);
        answer.Scores()[0].ShouldBe(expected, 1e-12);
        var reader = new EvidenceReader(model, pixels, new EvidenceOptions { RandomSets = 1, Units = 1 });
        var evidence = reader.Read(cancellation: TestContext.Current.CancellationToken);
        evidence.Classes.Select(c => c.Class).ShouldBe(Enumerable.Range(0, classes).OrderByDescending(i => logits[i]).ThenBy(i => i));
        evidence.Classes.ShouldAllBe(c =>
            meaning == ClassScores.Quantity ? c.Probability == null : Math.Abs(c.Probability!.Value - expected[c.Class]) < 1e-5);
    }

    [Theory, InlineData("llama-classifier"), InlineData("bert-classifier"), InlineData("distilbert-classifier")]
    public void A_problem_type_of_another_name_is_refused(string name)
    {
        using var folder = ChangedModel.Head(name, 3, "ranking");
        var message = Should.Throw<VitrineException>(() => TextModel.Open(folder.Folder)).Message;
        message.ShouldContain("config.json");
        message.ShouldContain("ranking");
        message.ShouldContain("multi_label_classification");
    }

    private static double[] Expected(double[] logits, ClassScores meaning) => meaning switch
    {
        ClassScores.OneOfMany => [.. logits.Select(l => Math.Exp(l) / logits.Sum(Math.Exp))],
        ClassScores.Independent => [.. logits.Select(l => 1 / (1 + Math.Exp(-l)))],
        _ => logits,
    };
}
