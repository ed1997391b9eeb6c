using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Serving.Fit;
using Vitrine.Serving.Protocols;

namespace Vitrine.Serving.Tests.Fit;

/// <summary>What fits, what is missing, what would be guessed.</summary>
public sealed class FitCheckTests
{
    private static readonly PolicyNeeds Libero =
        new() { Cameras = ["image", "wrist_image"], StateWidth = 8, StateNames = [], Horizon = 10, NeedsEveryCamera = true };

    [Fact]
    public void Names_that_say_the_same_fit()
    {
        var check = FitCheck.Of(Libero, ClientProfiles.Find("openpi-libero"), actionNames: ["a", "b", "c", "d", "e", "f", "g"]);
        check.Fits.ShouldBeTrue();
        check.Lines.ShouldNotContain(l => l.Kind == FitKind.Guessed);
        check.Cameras.ShouldBe(new Dictionary<string, string> { ["image"] = "observation/image", ["wrist_image"] = "observation/wrist_image" });
        check.State.ShouldBe(["observation/state"]);
    }

    [Fact]
    public void What_would_be_guessed_is_said_and_refused_where_that_is_asked()
    {
        var needs = Libero with { Cameras = ["base", "hand"], StateWidth = 8 };
        var check = FitCheck.Of(needs, ClientProfiles.Find("openpi-droid"));
        check.Fits.ShouldBeTrue();
        check.Lines.Count(l => l.Kind == FitKind.Guessed).ShouldBe(3);
        check.State.ShouldBe(["observation/joint_position", "observation/gripper_position"]);
        FitCheck.Of(needs, ClientProfiles.Find("openpi-droid"), new NameMap { Strict = true }).Fits.ShouldBeFalse();
        FitCheck.Of(needs, ClientProfiles.Find("openpi-droid"), new NameMap
        {
            Strict = true,
            State = ["joint_position", "gripper_position"],
            Cameras = new Dictionary<string, string> { ["base"] = "exterior_image_1_left", ["hand"] = "wrist_image_left" },
        }).Fits.ShouldBeTrue();
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        var check = FitCheck.Of(
            Libero with { StateWidth = 14, Cameras = ["image", "wrist_image", "third"] }, ClientProfiles.Find("openpi-libero") with { HasInstruction = false },
            actionNames: ["a"], horizon: 3);
        check.Lines.Where(l => l.Kind == FitKind.Missing).Select(l => l.What)
            .ShouldBe(["camera third", "state of 14 numbers", "instruction", "action", "chunk", "steps between requests"]);
        var seen = new WireObservation { Cameras = [new("observation/image", Picture.Plain(4, 4, default))], States = [], Instruction = "go" };
        Should.Throw<VitrineException>(() => FitCheck.Of(Libero, seen.Shape).Read(seen)).Message.ShouldContain("camera wrist_image");
    }

    [Fact]
    public void One_policy_of_one_picture_takes_the_camera_that_is_on_no_wrist()
    {
        var check = FitCheck.Of(new PolicyNeeds { Cameras = ["image"], ReadsOnePicture = true, Horizon = 1 }, ClientProfiles.Find("vla-eval-libero"));
        check.Cameras["image"].ShouldBe("images/agentview");
        check.Lines.ShouldContain(l => l.Kind == FitKind.Unused && l.What == "picture images/wrist");
    }

    [Fact]
    public void A_state_that_is_no_number_is_refused()
    {
        var seen = new WireObservation
        {
            Cameras = [new("observation/image", Picture.Plain(4, 4, default)), new("observation/wrist_image", Picture.Plain(4, 4, default))],
            States = [new("observation/state", [0, 1, 2, 3, 4, 5, 6, double.NaN])],
            Instruction = "go",
        };
        Should.Throw<VitrineException>(() => FitCheck.Of(Libero, seen.Shape).Read(seen)).Message.ShouldContain("not finite");
    }

    [Theory]
    [InlineData("openpi", "obs_droid_8.msgpack", 2, 2)]
    [InlineData("vla-eval", "observation_png.msgpack", 2, 2)]
    [InlineData("gr00t", "get_action_request.msgpack", 2, 2)]
    [InlineData("gr00t", "get_action_new_request.msgpack", 1, 1)]
    [InlineData("json-numpy", "oft_request_aloha.json", 3, 1)]
    public void A_message_of_a_client_shows_what_it_sends(string protocol, string file, int cameras, int states)
    {
        var shape = ClientProfiles.Find(Fixtures.Of("wire", protocol, file));
        (shape.Cameras.Count, shape.States.Count, shape.HasInstruction).ShouldBe((cameras, states, true));
    }

    [Fact]
    public void Every_known_client_is_one_that_its_own_protocol_has()
        => ClientProfiles.Known.ShouldAllBe(k => k.Protocol.Length == 0 || PolicyServer.Protocols.Contains(k.Protocol));

    [Fact]
    public void A_client_that_is_not_there_is_refused_with_the_nearest()
        => Should.Throw<VitrineException>(() => ClientProfiles.Find("openpi-liber")).Message.ShouldContain("Nearest: openpi-libero");
}
