using Vitrine.Cli;
using Vitrine.Cli.Commands;

namespace Vitrine.Tests.Cli;

public sealed class DeviceOptionTests
{
    /// <summary>Verbs that open no model, or choose theirs themselves.</summary>
    private static readonly string[] Without =
    [
        "demo", "tokens", "certify", "edits", "completion", "monitor", "judge", "train", "study", "new", "report", "compare", "drive", "live", "studio",
    ];

    [Theory]
    [InlineData("cpu", 0, null)]
    [InlineData("cuda", 1, 0)]
    [InlineData("cuda:0", 1, 0)]
    [InlineData("cuda:3", 4, 3)]
    public void Devices_are_spelled_as_in_libtorch(string text, int cards, int? expected) => DeviceOption.CardOf(text, () => cards).ShouldBe(expected);

    [Theory]
    [InlineData("gpu", 1, "expected cpu, or cuda:0")]
    [InlineData("", 1, "expected cpu, or cuda:0")]
    [InlineData("CPU", 1, "expected cpu, or cuda:0")]
    [InlineData("cuda:", 1, "expected cpu, or cuda:0")]
    [InlineData("cuda:-1", 1, "expected cpu, or cuda:0")]
    [InlineData("cuda:x", 1, "expected cpu, or cuda:0")]
    [InlineData("meta", 1, "expected cpu, or cuda:0")]
    [InlineData("cuda:0", 0, "the libtorch at hand has no CUDA")]
    [InlineData("cuda", 0, "the libtorch at hand has no CUDA")]
    [InlineData("cuda:2", 2, "there are 2 CUDA devices")]
    public void A_device_that_is_not_there_is_refused_in_one_line(string text, int cards, string expected)
    {
        var message = Should.Throw<VitrineException>(() => DeviceOption.CardOf(text, () => cards)).Message;
        message.ShouldStartWith($"--device is '{text}'");
        message.ShouldContain(expected);
        message.ShouldNotContain("\n");
    }

    [Fact]
    public void The_processor_is_taken_without_asking_for_cards()
        => DeviceOption.CardOf("cpu", () => throw new InvalidOperationException()).ShouldBeNull();

    [Fact]
    public void Every_verb_that_opens_a_model_spells_it_alike()
    {
        var verbs = VitrineCommand.Create().Subcommands.SelectMany(v => v.Subcommands.Prepend(v)).Where(v => !Without.Contains(v.Name)).ToArray();
        verbs.Length.ShouldBe(29);
        foreach (var verb in verbs)
        {
            verb.Options.OfType<DeviceOption>().Count().ShouldBe(1, verb.Name);
        }
    }
}
