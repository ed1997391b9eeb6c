using Vitrine.Inputs.Pictures;
using Vitrine.Policies.LeRobot;

namespace Vitrine.Tests.Policies.LeRobot;

/// <summary>States as words (numpy's digitize over 256 bins, minus 1), and the prompts around them.</summary>
public sealed class StatePromptTests
{
    [Theory]
    [InlineData(-1.5, -1)]
    [InlineData(-1, 0)]
    [InlineData(-0.5, 64)]
    [InlineData(-1e-9, 127)]
    [InlineData(0, 128)]
    [InlineData(0.25, 160)]
    [InlineData(0.999, 255)]
    [InlineData(1, 255)]
    [InlineData(3, 255)]
    public void A_number_falls_into_a_bin(double value, int bin) => StatePromptStep.Bin((float)value).ShouldBe(bin);

    [Fact]
    public void The_state_stands_in_the_prompt()
    {
        var input = new PolicyInput { Pictures = new Dictionary<string, Picture>(), Task = " pick_the\ncube ", State = [0, 0, 0, 0] };
        new StatePromptStep("Action: ").Apply(input);
        input.Task.ShouldBe("Task: pick the cube, State: 128 128 128 128;\nAction: ");
    }

    [Theory]
    [InlineData("go", "go\n")]
    [InlineData("go\n", "go\n")]
    public void A_prompt_ends_in_one_new_line(string task, string expected)
    {
        var input = new PolicyInput { Pictures = new Dictionary<string, Picture>(), Task = task, State = [] };
        new NewLineStep().Apply(input);
        input.Task.ShouldBe(expected);
    }
}
