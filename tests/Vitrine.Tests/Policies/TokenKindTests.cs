using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Policies;

/// <summary>A policy names its picture's and its text's tokens, so that edits need not count them.</summary>
public sealed class TokenKindTests
{
    private const string At = "language.0.mlp.out";

    [Fact]
    public void Edits_name_the_tokens_of_the_picture_and_of_the_text()
    {
        using var policy = OpenVlaPolicy.Open("embedded:tabletop");
        using var pixels = zeros(2, 6, policy.Recipe.Height, policy.Recipe.Width);
        int[][] prompts = [policy.PromptIds("push the red block"), policy.PromptIds("stop")];
        foreach (var (kind, isImage) in new[] { ("image", true), ("text", false) })
        {
            using var scope = NewDisposeScope();
            var plan = new RunPlan { Capture = [At], Edits = [new Zero(At) { Scope = new EditScope { Positions = Positions.Of(kind) } }] };
            using var run = policy.Act(pixels, prompts, plan, cancellation: TestContext.Current.CancellationToken);
            for (var row = 0; row < 2; row++)
            {
                var zero = run.Run[At][row].abs().sum(-1).eq(0).data<bool>().ToArray();
                for (var position = 0; position < policy.ImageTokens + prompts[row].Length; position++)
                {
                    zero[position].ShouldBe((position >= 1 && position <= policy.ImageTokens) == isImage, $"{kind}, row {row}, position {position}");
                }
            }
        }
    }

    [Fact]
    public void A_kind_of_tokens_exists_in_its_own_stack_only()
    {
        using var policy = OpenVlaPolicy.Open("embedded:tabletop");
        using var pixels = zeros(1, 6, policy.Recipe.Height, policy.Recipe.Width);
        var plan = RunPlan.Editing(new Zero("dino.0.mlp.out") { Scope = new EditScope { Positions = Positions.Of("image") } });
        Should.Throw<VitrineException>(() => policy.Act(pixels, [policy.PromptIds("stop")], plan)).Message.ShouldContain("'image'");
    }
}
