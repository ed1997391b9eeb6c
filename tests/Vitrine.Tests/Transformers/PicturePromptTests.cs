using Vitrine.Inputs.Chat;
using Vitrine.Inputs.Pictures;
using Vitrine.Transformers;

namespace Vitrine.Tests.Transformers;

/// <summary>Prompts with pictures as the processors of transformers write them out (processing_*.py of each family).</summary>
public sealed class PicturePromptTests
{
    private static readonly Picture Wide = Picture.Plain(44, 31, (200, 100, 50)), Small = Picture.Plain(20, 20, (10, 20, 30));

    [Fact]
    public void SmolVLM_writes_each_tile_behind_its_row_and_column_and_the_whole_behind_them()
    {
        using var folder = SeeingFolder.Of("smolvlm");
        using var model = TextModel.Open(folder.Path);
        var batch = model.Encode([new PicturePrompt("see <image>!", Wide)]);
        int[] frame = [299, 299, 299, 299]; // 24 x 24 pixels are 4 x 4 patches, 2 x 2 of them a token
        int[] expected =
        [
            .. folder.Ids("see "),
            290, 292, .. frame, 290, 293, .. frame, 8,
            290, 295, .. frame, 290, 296, .. frame, 8,
            8, 290, 291, .. frame, 290,
            .. folder.Ids("!"),
        ];
        batch.Ids[0].ShouldBe(expected);
        batch.Pictures![0][0].Pixels.Count.ShouldBe(5);
        model.PictureTokensOf(batch)[0].Select(t => (t.Frame, t.Row, t.Column)).ShouldBe(
            from f in Enumerable.Range(0, 5) from r in Enumerable.Range(0, 2) from c in Enumerable.Range(0, 2) select (f, r, c));
        using var run = model.Run(batch);
        run.Logits.shape.ShouldBe([1, expected.Length, 300]);
    }

    [Fact]
    public void SmolVLM_without_tiles_writes_the_whole_picture_alone()
    {
        using var folder = SeeingFolder.Of("smolvlm");
        var processor = folder["preprocessor_config.json"];
        var text = File.ReadAllText(processor).Replace("\"do_image_splitting\": true", "\"do_image_splitting\": false", StringComparison.Ordinal);
        File.Delete(processor);
        File.WriteAllText(processor, text);
        using var model = TextModel.Open(folder.Path);
        model.Encode([new PicturePrompt("<image>a<image>", Wide, Small)]).Ids[0].ShouldBe(
            [290, 291, 299, 299, 299, 299, 290, .. folder.Ids("a"), 290, 291, 299, 299, 299, 299, 290]);
    }

    [Fact]
    public void PaliGemma_puts_pictures_in_front_of_the_beginning_and_ends_with_a_line_break()
    {
        using var folder = SeeingFolder.Of("paligemma");
        using var model = TextModel.Open(folder.Path);
        int[] picture = [.. Enumerable.Repeat(299, 9)];
        model.Encode([new PicturePrompt("caption en", Wide)]).Ids[0].ShouldBe([.. picture, 2, .. folder.Ids("caption en"), 8]);
        model.Encode([new PicturePrompt("", Wide, Small)]).Ids[0].ShouldBe([.. picture, .. picture, 2, 8]);
        model.Encode([new PicturePrompt("<image> a <image>b", Wide, Small)]).Ids[0].ShouldBe([.. picture, .. folder.Ids(" a "), .. picture, 2,
            .. folder.Ids("b"), 8]);
        Should.Throw<VitrineException>(() => model.Encode("caption en")).Message.ShouldBe(
            "prompt: has 0 pictures; this model reads at least 1 in front of its text.");
    }

    [Fact]
    public void LLaVA_repeats_the_placeholder_and_the_tokenizer_begins_the_text()
    {
        using var folder = SeeingFolder.Of("llava");
        using var model = TextModel.Open(folder.Path);
        model.Encode([new PicturePrompt("USER: <image>\nWhat?", Wide)]).Ids[0].ShouldBe(
            [1, .. folder.Ids("USER: "), .. Enumerable.Repeat(299, 9), .. folder.Ids("\nWhat?")]);
        model.Encode("USER: no").Ids[0].ShouldBe([1, .. folder.Ids("USER: no")]);
    }

    [Theory, InlineData("qwen2.5-vl"), InlineData("qwen3-vl")]
    public void Qwen_repeats_the_placeholder_once_for_each_merged_block(string name)
    {
        using var folder = SeeingFolder.Of(name);
        using var model = TextModel.Open(folder.Path);
        // Sides to multiples of 12 with 576 to 1728 pixels: 44 x 31 becomes 48 x 36, which is 4 x 3 blocks of 12; 20 x 20 becomes 24 x 24.
        var batch = model.Encode([new PicturePrompt("a<|vision_start|><|image_pad|><|vision_end|>b<|image_pad|>", Wide, Small)]);
        batch.Ids[0].ShouldBe([.. folder.Ids("a"), 290, .. Enumerable.Repeat(292, 12), 291, .. folder.Ids("b"), .. Enumerable.Repeat(292, 4)]);
        var positions = model.PositionsOf(batch);
        // Text at 0 and 1, the picture from 2 on over 3 rows and 4 columns, what follows from 2 + 4 on, the second picture over 2 x 2 from 8 on.
        positions.Axes[0][0].ShouldBe([0, 1, .. Enumerable.Repeat(2L, 12), 6, 7, 8, 8, 8, 8]);
        positions.Axes[1][0].ShouldBe([0, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 6, 7, 8, 8, 9, 9]);
        positions.Axes[2][0].ShouldBe([0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 2, 3, 4, 5, 6, 7, 8, 9, 8, 9]);
        positions.Ahead.ShouldBe([10 - 20]);
        using var run = model.Run(batch);
        run.Logits.shape.ShouldBe([1, 20, 300]);
    }

    [Theory, InlineData("smolvlm"), InlineData("llava"), InlineData("qwen2.5-vl"), InlineData("paligemma")]
    public void Other_placeholders_than_pictures_are_refused_with_both_counts(string name)
    {
        using var folder = SeeingFolder.Of(name);
        using var model = TextModel.Open(folder.Path);
        var placeholder = model.PicturePlaceholder;
        Should.Throw<VitrineException>(() => model.Encode([new PicturePrompt($"{placeholder}{placeholder}", Wide)])).Message.ShouldBe(
            $"prompt: has 2 placeholders '{placeholder}' for 1 pictures; expected one for each picture.");
        if (name != "paligemma")
        {
            Should.Throw<VitrineException>(() => model.Encode([new PicturePrompt("a", Wide)])).Message.ShouldBe(
                $"prompt: has 0 placeholders '{placeholder}' for 1 pictures; expected one for each picture.");
            Should.Throw<VitrineException>(() => model.Encode($"a {placeholder}")).Message.ShouldBe(
                $"prompt: has 1 placeholders '{placeholder}' for 0 pictures; expected one for each picture.");
        }
    }

    [Fact]
    public void A_model_of_texts_alone_refuses_pictures()
    {
        using var model = TextModel.Open(Fixtures.Of("models", "llama"));
        Should.Throw<VitrineException>(() => model.Encode([new PicturePrompt("a", Wide)])).Message.ShouldContain("1 pictures");
        Should.Throw<VitrineException>(() => model.See()).Message.ShouldContain("texts alone");
        Should.Throw<VitrineException>(() => model.Run(TokenBatch.Of(1).With([[new Preparation { Frames = [], Pixels = [new Pixels(3, 1, 1, [0, 0, 0])] }]])))
            .Message.ShouldContain("texts alone");
    }

    [Fact]
    public void Rows_with_several_pictures_and_none_lie_in_one_batch()
    {
        using var folder = SeeingFolder.Of("smolvlm");
        using var model = TextModel.Open(folder.Path);
        var batch = model.Encode([new PicturePrompt("two <image> <image>", Wide, Small), new PicturePrompt("none"), new PicturePrompt("<image>", Small)]);
        batch.Pictures!.Select(row => row.Count).ShouldBe([2, 0, 1]);
        using var together = model.Run(batch);
        foreach (var (row, prompt) in new[] { new PicturePrompt("two <image> <image>", Wide, Small), new PicturePrompt("none") }.Index())
        {
            using var alone = model.Run(model.Encode([prompt]));
            together.Logits[row].narrow(0, 0, alone.Logits.shape[1]).ShouldBeClose(alone.Logits[0], $"row {row}");
        }
    }

    /// <remarks>
    /// The constructs of the templates of SmolVLM, LLaVA and Qwen2.5-VL: the first part's type, parts chosen by type, keys of a part, counting.
    /// </remarks>
    [Theory]
    [InlineData(
        "{% for m in messages %}{{ m['role'] | capitalize }}{% if m['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
            + "{% for line in m['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}"
            + "{% endfor %}<end>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}",
        "System: be brief<end>\nUser:<image><image>what?<end>\nAssistant:")]
    [InlineData(
        "{% for m in messages %}{{ m['role'].upper() + ': ' }}{% for c in m['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
            + "{% for c in m['content'] | selectattr('type', 'equalto', 'text') %}{{ c['text'] + ' ' }}{% endfor %}{% endfor %}"
            + "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}",
        "SYSTEM: be brief USER: <image>\n<image>\nwhat? ASSISTANT:")]
    [InlineData(
        "{% set n = namespace(value=0) %}{% for m in messages %}{{ m['role'] }}: {% if m['content'] is string %}{{ m['content'] }}{% else %}"
            + "{% for c in m['content'] %}{% if c['type'] == 'image' or 'image' in c or 'image_url' in c %}{% set n.value = n.value + 1 %}"
            + "{% if add_vision_id %}Picture {{ n.value }}: {% endif %}<pad>{% elif 'text' in c %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}\n"
            + "{% endfor %}{% if add_generation_prompt %}assistant\n{% endif %}",
        "system: be briefuser: <pad><pad>what?assistant\n")] // a line break behind a block is dropped (trim_blocks)
    public void Chat_templates_are_given_pictures_as_parts(string template, string expected)
        => ChatTemplate.Parse(template, "template").Render(
            [new ChatMessage("system", "be brief") { Pictures = 0 }, new ChatMessage("user", "what?") { Pictures = 2 }], addGenerationPrompt: true)
            .ShouldBe(expected);
}
