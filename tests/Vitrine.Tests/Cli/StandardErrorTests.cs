using System.Text.RegularExpressions;
using Vitrine.Checkpoints;

namespace Vitrine.Tests.Cli;

/// <summary>The command as a process of its own: libtorch writes past the console of .NET, where no other test sees it.</summary>
public sealed partial class StandardErrorTests
{
    private static readonly string Picture = Path.Combine(Fixtures.Repository, "examples", "scene.png");

    [Fact]
    public Task A_policy_that_acts_says_nothing_on_stderr() => IsSilentAsync("act", "embedded:tabletop", Picture, "touch the plum wedge");

    [Fact]
    public Task An_encoder_says_nothing_on_stderr() => IsSilentAsync("image", "embedded:tabletop", Picture, "--json");

    [Fact]
    public Task A_classifier_says_nothing_on_stderr() => IsSilentAsync("classify", Fixtures.Of("models", "vit-classifier"), Picture, "--json");

    /// <remarks>Only on some processors does NNPACK complain; that libtorch does without it can be told on every one.</remarks>
    [Fact]
    public void Convolutions_do_without_NNPACK()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libtorch has NNPACK on Linux alone");
        using var one = TorchSharp.torch.ones(1);
        Nnpack.SwitchOff().ShouldBeTrue();
    }

    [GeneratedRegex(@"^([\w-]+: )?[\w ]+ \.\.\.$")]
    private static partial Regex Progress();

    private static async Task IsSilentAsync(params string[] args)
    {
        var (exit, said, error) = await CommandProcess.RunAsync(new Dictionary<string, string>(), args);
        exit.ShouldBe(0, error);
        // Work that takes its time says so there, and nothing else does.
        error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ShouldAllBe(line => Progress().IsMatch(line));
        said.ShouldNotBeEmpty();
    }
}
