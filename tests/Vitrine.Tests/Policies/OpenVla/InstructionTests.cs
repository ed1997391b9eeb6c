using Vitrine.Policies.OpenVla;

namespace Vitrine.Tests.Policies.OpenVla;

/// <summary>How words reach the model: the templates of the published checkpoints, and what is refused.</summary>
public sealed class InstructionTests
{
    [Fact]
    public void The_templates_are_those_of_the_published_checkpoints()
    {
        PromptTemplate.Current.Text("Pick UP").ShouldBe("In: What action should the robot take to pick up?\nOut:");
        PromptTemplate.V01.Text("Pick UP").ShouldBe(
            "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's "
                + "questions. "
            + "USER: What action should the robot take to pick up? ASSISTANT:");
    }

    [Theory]
    [InlineData("/models/openvla-v01-7b", null, true)]
    [InlineData("/hub/models--openvla--openvla-v01-7b/snapshots/0123abcd", null, true)]
    [InlineData("/models/mine", "openvla/openvla-v01-7b", true)]
    [InlineData("/models/openvla-7b-finetuned-libero-10", null, false)]
    [InlineData("/openvla-v01-comparison/openvla-7b", "openvla/openvla-7b", false)]
    public void The_old_template_belongs_to_checkpoints_of_that_name(string folder, string? savedFrom, bool isOld)
        => PromptTemplate.Of(folder, savedFrom).ShouldBe(isOld ? PromptTemplate.V01 : PromptTemplate.Current);

    [Fact]
    public void A_prompt_ends_with_the_lone_space_piece_once()
    {
        foreach (var template in new[] { PromptTemplate.Current, PromptTemplate.V01 })
        {
            using var policy = Example.Open(options: new OpenVlaOptions { Template = template });
            int space = policy.Tokenizer.Id("\u2581")!.Value;
            int[] text = policy.Tokenizer.Encode(template.Text(Example.Instruction));
            text[^1].ShouldNotBe(space);
            policy.PromptIds(Example.Instruction).ShouldBe([.. text, space]);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n\t")]
    public void An_empty_instruction_is_refused(string instruction)
    {
        using var policy = Example.Open();
        Should.Throw<VitrineException>(() => policy.With(units: "bridge_orig")
            .Act([Example.Observe(instruction)])).Message.ShouldContain("the instruction is empty");
    }

    [Fact]
    public void An_instruction_of_10_000_characters_is_refused_with_the_length_that_fits()
    {
        using var policy = Example.Open();
        var instruction = string.Concat(Enumerable.Repeat("pick up the red block and then ", 400))[..10_000];
        var tokens = policy.PromptIds(instruction).Length;
        tokens.ShouldBeGreaterThan(2048);
        Should.Throw<VitrineException>(() => policy.With(units: "bridge_orig").Act([Example.Observe(instruction)])).Message
            .ShouldBe($"act: the prompt has {tokens} tokens; with {policy.ImageTokens} of the picture and 7 of the action that is more than the 2048 of "
                + "llm_max_length. Shorten the instruction.");
    }

    [Fact]
    public void No_observation_and_no_token_are_refused()
    {
        using var policy = Example.Open();
        Should.Throw<VitrineException>(() => policy.Act([])).Message.ShouldContain("there is no observation");
        using var pixels = TorchSharp.torch.zeros(1, 6, 42, 42);
        Should.Throw<VitrineException>(() => policy.Act(pixels, [[]], units: "bridge_orig")).Message.ShouldContain("a prompt has no token");
    }
}
