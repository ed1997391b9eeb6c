using System.Text.Json;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Tabletop;

public sealed class TabletopInstructionTests
{
    private const int FirstConceptId = 53;

    private static JsonElement[] Golden
        => [.. JsonDocument.Parse(File.ReadAllBytes(Fixtures.Of("tabletop", "world", "meta.json"))).RootElement.GetProperty("instructions").EnumerateArray()];

    [Fact]
    public void Every_reference_instruction_is_read_as_the_task_it_was_made_from()
    {
        Golden.Length.ShouldBe(120);
        foreach (var golden in Golden)
        {
            TabletopInstruction.Parse(golden.GetProperty("instruction").GetString()!).ShouldBe(Meaning(golden.GetProperty("spec")));
        }
    }

    [Fact]
    public void Words_stand_in_the_order_of_their_token_ids()
    {
        string[] words = [.. TabletopVocabulary.Concepts.SelectMany(c => c.Words)];
        words.Length.ShouldBe(167 - FirstConceptId);
        foreach (var golden in Golden)
        {
            int[] expected = [.. golden.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).Where(id => id >= FirstConceptId)];
            var said = golden.GetProperty("instruction").GetString()!.Split(' ').Where(w => w != "the");
            said.Select(w => Array.IndexOf(words, w) + FirstConceptId).ShouldBe(expected);
        }
    }

    [Fact]
    public void Whatever_is_said_is_read_back_as_what_was_meant()
    {
        for (var i = 0; i < 2000; i++)
        {
            var layout = TabletopLayout.Draw(new LayoutKey(7, LayoutSplit.Test, TabletopWorld.TaskNames[i % 4], i));
            TabletopInstruction.Parse(layout.Instruction).ShouldBe(TabletopInstruction.Of(layout.Spec, layout.State), layout.Instruction);
        }
    }

    [Fact]
    public void Usual_words_come_with_probability_two_fifths_and_adverbs_in_front_with_one_quarter()
    {
        const int count = 20_000;
        var random = new RandomStream("say");
        var meaning = new TabletopInstruction(TabletopTask.Reach, ObjectColour.Red, ObjectShape.Cube, null, Speed.Fast, Height.Low);
        string[][] said = [.. Enumerable.Range(0, count).Select(_ => meaning.Say(random).Split(' '))];
        Share(s => s.Contains("red")).ShouldBe(.4, .02);
        Share(s => s.Contains("ruby")).ShouldBe(.2, .02);
        Share(s => TabletopVocabulary.ConceptOf(s[0])!.Name != "reach").ShouldBe(.25, .02);
        Share(s => TabletopVocabulary.ConceptOf(s[^1])!.Name == "low").ShouldBe(.5, .02);

        double Share(Func<string[], bool> holds) => said.Count(holds) / (double)count;
    }

    [Theory]
    [InlineData("", "its end")]
    [InlineData("juggle the red cube", "'juggle'")]
    [InlineData("reach the square cube", "'square'")]
    [InlineData("push the red cube up north", "'north'")]
    [InlineData("move left slowly quickly", "'quickly'")]
    [InlineData("lift red cube", "'the'")]
    public void What_is_not_of_the_language_is_refused_at_the_word_that_does_not_fit(string text, string named)
        => Should.Throw<VitrineException>(() => TabletopInstruction.Parse(text)).Message.ShouldContain(named);

    private static TabletopInstruction Meaning(JsonElement spec) => new(
        Read<TabletopTask>(spec, "task")!.Value, Read<ObjectColour>(spec, "colour"), Read<ObjectShape>(spec, "shape"), Read<Direction>(spec, "direction"),
        Read<Speed>(spec, "speed") ?? Speed.None, Read<Height>(spec, "height") ?? Height.None);

    private static T? Read<T>(JsonElement spec, string name) where T : struct, Enum
        => spec.TryGetProperty(name, out var value) ? Enum.Parse<T>(value.GetString()!, ignoreCase: true) : null;
}
