using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Tests.Cli;

namespace Vitrine.Tests.Policies;

public sealed class ObservationsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void A_file_lists_cameras_instruction_and_state()
    {
        Directory.CreateDirectory(folder["seen"]);
        Write("seen/a.png", 10);
        Write("b.png", 20);
        var read = Read("""
            [{"cameras": {"image": "seen/a.png", "wrist": "b.png"}, "instruction": "lift the cube", "state": {"joints": [0.5, -1], "gripper": [1e-3]}},
             {"cameras": {"image": "b.png"}, "instruction": "push"}]
            """);
        read.Count.ShouldBe(2);
        (read[0].Cameras["image"].Rgb[0], read[0].Cameras["wrist"].Rgb[0]).ShouldBe(((byte)10, (byte)20));
        read[0].Instruction.ShouldBe("lift the cube");
        read[0].State["joints"].Values.ShouldBe([0.5, -1]);
        read[0].State["gripper"].Values.ShouldBe([0.001]);
        (read[1].Picture.Rgb[0], read[1].State.Count).ShouldBe(((byte)20, 0));
    }

    [Theory]
    [InlineData("{", "is not JSON")]
    [InlineData("{}", "is an empty object; expected a list")]
    [InlineData("[]", "the list is empty")]
    [InlineData("[GOOD, 3]", "entry 1: is a number")]
    [InlineData("""[GOOD, {"cameras": {"image": "a.png"}}]""", "entry 1: 'instruction' is missing")]
    [InlineData("""[GOOD, {"cameras": {"image": "a.png"}, "instruction": " "}]""", "entry 1: 'instruction' is empty")]
    [InlineData("""[{"instruction": "push"}]""", "entry 0: 'cameras' is missing")]
    [InlineData("""[{"cameras": {}, "instruction": "push"}]""", "entry 0: 'cameras' is an empty object")]
    [InlineData("""[{"cameras": {"image": 3}, "instruction": "push"}]""", "entry 0: camera 'image' is a number")]
    [InlineData("""[{"cameras": {"image": "nowhere.png"}, "instruction": "push"}]""", "entry 0, camera 'image'", "nowhere.png")]
    [InlineData("""[{"cameras": {"image": "list.json"}, "instruction": "push"}]""", "entry 0, camera 'image'", "is no PNG or JPEG")]
    [InlineData("""[{"cameras": {"image": "a.png"}, "instruction": "push", "state": [1]}]""", "entry 0: 'state' is a list")]
    [InlineData("""[{"cameras": {"image": "a.png"}, "instruction": "push", "state": {"joints": ["x"]}}]""",
        "entry 0: state 'joints' is a list of something else")]
    [InlineData("""[{"cameras": {"image": "a.png"}, "instruction": "push", "state": {"joints": []}}]""", "entry 0: state 'joints'")]
    [InlineData("""[{"cameras": {"image": "a.png"}, "instruction": "push", "state": {"joints": [1e999]}}]""", "entry 0: state 'joints'")]
    [InlineData("""[{"cameras": {"image": "a.png"}, "instruction": "push", "sate": {}}]""", "entry 0: there is no key 'sate'")]
    [InlineData("""[{"cameras": {"image": "a.png", "image": "a.png"}, "instruction": "push"}]""", "'image' stands there twice")]
    public void A_bad_entry_is_refused_by_file_and_entry(string text, params string[] parts)
    {
        Write("a.png", 1);
        var message = Should.Throw<VitrineException>(() => Read(text.Replace("GOOD", """{"cameras": {"image": "a.png"}, "instruction": "push"}"""))).Message;
        message.ShouldStartWith(folder["list.json"]);
        Array.ForEach(parts, part => message.ShouldContain(part));
        message.ShouldNotContain("\n");
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
        => Should.Throw<VitrineException>(() => Observations.Read(folder["nowhere.json"])).Message.ShouldContain("nowhere.json: cannot be read");

    [Fact]
    public void A_folder_of_pictures_is_read_by_name_under_one_instruction()
    {
        Write("b.png", 2);
        Write("a.PNG", 1);
        File.WriteAllText(folder["notes.txt"], "no picture");
        var read = Observations.OfPictures(folder.Path, "lift the cube");
        read.Select(o => o.Picture.Rgb[0]).ShouldBe([(byte)1, (byte)2]);
        read.ShouldAllBe(o => o.Instruction == "lift the cube");
    }

    [Fact]
    public void A_folder_without_a_picture_and_a_broken_picture_are_named()
    {
        Should.Throw<VitrineException>(() => Observations.OfPictures(folder.Path, "lift")).Message.ShouldContain("holds no picture");
        Should.Throw<VitrineException>(() => Observations.OfPictures(folder["nowhere"], "lift")).Message.ShouldContain("no such folder");
        File.WriteAllText(folder["a.jpg"], "");
        Should.Throw<VitrineException>(() => Observations.OfPictures(folder.Path, "lift")).Message.ShouldContain("a.jpg: is empty");
    }

    public void Dispose() => folder.Dispose();

    private IReadOnlyList<Observation> Read(string text)
    {
        File.WriteAllText(folder["list.json"], text);
        return Observations.Read(folder["list.json"]);
    }

    private void Write(string name, byte value)
        => File.WriteAllBytes(folder[name], PictureFile.EncodePng(new Picture(4, 4, [.. Enumerable.Repeat(value, 48)])));
}
