using System.Text.Json;
using Vitrine.Tests.Transformers;
using Vitrine.Transformers;

namespace Vitrine.Tests.Cli;

/// <summary>What <c>run</c> and <c>classify</c> print of logits: the library's answers.</summary>
public sealed class AnswerCommandTests
{
    private const string Text = "the red bowl is on the table";

    /// <remarks>The logit of class 0 is -0.48595, so sigmoid gives 0.3808; the reference's pipeline prints these.</remarks>
    [Fact]
    public async Task A_single_label_is_a_sigmoid()
    {
        var answer = (await Answers("llama-classifier", 1, null)).ShouldHaveSingleItem();
        answer.GetProperty("logit").GetDouble().ShouldBe(-0.48595, 1e-5);
        answer.GetProperty("probability").GetDouble().ShouldBe(0.3808, 5e-5);
    }

    [Fact]
    public async Task A_regression_is_its_number_and_no_probability()
    {
        var answer = (await Answers("llama-classifier", 1, "regression")).ShouldHaveSingleItem();
        answer.GetProperty("logit").GetDouble().ShouldBe(-0.48595, 1e-5);
        answer.TryGetProperty("probability", out _).ShouldBeFalse();
    }

    [Fact]
    public async Task Independent_labels_are_sigmoids_each_and_equal_ones_stand_by_number()
    {
        var answers = await Answers("llama-classifier", 4, "multi_label_classification");
        answers.Select(a => a.GetProperty("text").GetString()).ShouldBe(["Q2", "Q1", "Q0", "Q3"]);
        answers.Select(a => a.GetProperty("probability").GetDouble()).ShouldBe([0.7036, 0.7014, 0.3808, 0.3808], 5e-5);
    }

    [Theory]
    [InlineData("gpt2-classifier", 1, null)]
    [InlineData("gpt2-classifier", 1, "single_label_classification")]
    [InlineData("bert-classifier", 1, "regression")]
    [InlineData("bert-classifier", 4, "multi_label_classification")]
    [InlineData("distilbert-classifier", 1, null)]
    [InlineData("distilbert-classifier", 5, null)]
    [InlineData("llama-classifier", 3, "regression")]
    public async Task The_command_says_what_the_library_says(string name, int classes, string? problem)
    {
        using var folder = ChangedModel.Head(name, classes, problem);
        using var model = TextModel.Open(folder.Folder);
        using var expected = model.Classify(model.Encode(Text));
        var answers = await Answers(folder.Folder);
        answers.Length.ShouldBe(classes);
        foreach (var answer in answers)
        {
            var id = answer.GetProperty("id").GetInt32();
            answer.GetProperty("text").GetString().ShouldBe($"Q{id}");
            var score = problem == "regression" ? answer.GetProperty("logit").GetDouble() : answer.GetProperty("probability").GetDouble();
            score.ShouldBe(expected.Scores()[0][id], 1e-9);
            answer.TryGetProperty("probability", out _).ShouldBe(problem != "regression");
        }
    }

    /// <remarks>Its output is the residual stream: the coordinates of that are no tokens.</remarks>
    [Fact]
    public async Task An_encoder_without_a_head_says_no_next_token()
    {
        using var folder = ChangedModel.Of(
            "bert-classifier",
            tensors =>
            {
                foreach (var key in tensors.Keys.Where(k => k.StartsWith("classifier.", StringComparison.Ordinal)).ToArray())
                {
                    tensors.Remove(key);
                }
            },
            config => config["architectures"] = new System.Text.Json.Nodes.JsonArray("BertModel"));
        (await Answers(folder.Folder)).ShouldBeEmpty();
        var (exit, @out, error) = await CommandLine.RunAsync("run", folder.Folder, Text);
        exit.ShouldBe(0, error);
        @out.ShouldContain("no next token");
    }

    [Fact]
    public async Task The_tables_name_a_quantity_as_one()
    {
        using var folder = ChangedModel.Head("llama-classifier", 1, "regression");
        var (exit, @out, error) = await CommandLine.RunAsync("run", folder.Folder, Text);
        exit.ShouldBe(0, error);
        @out.ShouldContain("value");
        @out.ShouldContain("-0.486");
        @out.ShouldNotContain("%");
    }

    private static async Task<JsonElement[]> Answers(string name, int classes, string? problem)
    {
        using var folder = ChangedModel.Head(name, classes, problem);
        return await Answers(folder.Folder);
    }

    private static async Task<JsonElement[]> Answers(string folder)
    {
        var (exit, @out, error) = await CommandLine.RunAsync("run", folder, Text, "--json");
        exit.ShouldBe(0, error);
        return [.. JsonDocument.Parse(@out).RootElement.GetProperty("answers").EnumerateArray()];
    }
}
