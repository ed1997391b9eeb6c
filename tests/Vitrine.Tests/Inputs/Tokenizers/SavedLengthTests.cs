using System.Text.Json.Nodes;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Tests.Inputs.Tokenizers;

/// <summary>Padding and truncation that were saved in tokenizer.json: transformers switches them off unless they are asked for.</summary>
public sealed class SavedLengthTests
{
    private const string Text = "the red bowl is on the table beside the plum wedge";

    public static TheoryData<string> Paddings()
        =>
        [
            """{"strategy": {"Fixed": 40}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}""",
            """{"strategy": {"Fixed": 40}, "direction": "Left", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 1, "pad_token": "[PAD]"}""",
            """{"strategy": {"Fixed": 25}, "direction": "Right", "pad_to_multiple_of": 16, "pad_id": 3, "pad_type_id": 0, "pad_token": "[SEP]"}""",
            """{"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": 32, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}""",
        ];

    [Theory, MemberData(nameof(Paddings))]
    public void Saved_padding_is_off_and_masked_where_it_is_asked_for(string padding)
    {
        using var folder = new TemporaryFolder(Fixtures.Of("models", "bert-classifier"));
        using var plain = TextModel.Open(folder.Path);
        var (ids, expected) = (plain.Tokenizer.Encode(Text), Scores(plain, plain.Encode(Text)));
        folder.Change("tokenizer.json", json => json["padding"] = JsonNode.Parse(padding));
        var tokenizer = Tokenizer.Open(folder.Path);
        tokenizer.Padding.ShouldBeNull();
        tokenizer.Encode(Text).ShouldBe(ids);
        var padded = tokenizer.With(tokenizer.SavedTruncation, tokenizer.SavedPadding).EncodeText(Text);
        padded.Ids.Count.ShouldBeGreaterThan(ids.Length);
        padded.AttentionMask.Sum().ShouldBe(ids.Length);

        // What is padded reaches no model: not by the file, not by a tokenizer that pads, not by the reading that takes the saved lengths over.
        using var opened = TextModel.Open(folder.Path);
        Scores(opened, opened.Encode(Text)).ShouldBe(expected);
        Scores(opened, TokenBatch.Of([padded])).ShouldBe(expected);
        using var library = TextModel.Open(folder.Path, new ModelOptions { Tokenizer = new TokenizerOptions { Reference = TokenizerReference.Tokenizers } });
        library.Tokenizer.Padding.ShouldNotBeNull();
        Scores(library, library.Encode(Text)).ShouldBe(expected);
    }

    [Theory]
    [InlineData("LongestFirst", "Right")]
    [InlineData("LongestFirst", "Left")]
    [InlineData("OnlyFirst", "Right")]
    [InlineData("OnlySecond", "Right")]
    public void Saved_truncation_is_off(string strategy, string direction)
    {
        using var folder = new TemporaryFolder(Fixtures.Of("models", "llama"));
        var ids = Tokenizer.Open(folder.Path).Encode(Text);
        ids.Length.ShouldBe(34);
        folder.Change("tokenizer.json", json
            => json["truncation"] = new JsonObject { ["direction"] = direction, ["max_length"] = 8, ["strategy"] = strategy, ["stride"] = 0 });
        var tokenizer = Tokenizer.Open(folder.Path);
        tokenizer.Truncation.ShouldBeNull();
        tokenizer.Encode(Text).ShouldBe(ids);
        tokenizer.SavedTruncation!.MaxLength.ShouldBe(8);
        if (strategy != "OnlySecond")
        {
            tokenizer.With(tokenizer.SavedTruncation, null).Encode(Text).Length.ShouldBe(8);
        }
    }

    [Fact]
    public void A_policy_reads_its_instruction_without_padding()
    {
        var embedded = Policy.Catalog.Locate("embedded:tabletop").Folder;
        using var folder = new TemporaryFolder(embedded);
        folder.Change("tokenizer.json", json => json["padding"] = new JsonObject
        {
            ["strategy"] = new JsonObject { ["Fixed"] = 60 },
            ["direction"] = "Right",
            ["pad_id"] = 2,
            ["pad_type_id"] = 0,
            ["pad_token"] = "<pad>",
        });
        var picture = new Observation(new Vitrine.Inputs.Pictures.Picture(64, 64, new byte[64 * 64 * 3]), "lift the red cup");
        using var plain = Policy.Open(embedded);
        var expected = plain.Layout([picture]).Rows[0].Words.Select(w => w.Id);
        foreach (var reference in Enum.GetValues<TokenizerReference>())
        {
            using var padded = Policy.Open(folder.Path, new ModelOptions { Tokenizer = new TokenizerOptions { Reference = reference } });
            padded.Layout([picture]).Rows[0].Words.Select(w => w.Id).ShouldBe(expected);
        }
    }

    [Fact]
    public void A_batch_of_texts_is_padded_and_masked_by_the_engine()
    {
        var tokenizer = Tokenizer.Open(Fixtures.Of("models", "bert-classifier")).With(null, new Padding(0, "[PAD]", OnLeft: true));
        var texts = tokenizer.EncodeBatch([("it is a plate", (string?)null), ("it is", "a plate")]);
        var batch = TokenBatch.Of(texts);
        batch.Lengths.ShouldBe([.. texts.Select(t => (long)t.AttentionMask.Sum())]);
        batch.Ids[0].Take((int)batch.Lengths[0]).ShouldBe(texts[0].Ids.Zip(texts[0].AttentionMask).Where(p => p.Second == 1).Select(p => p.First));
        batch.Segments![0].ShouldAllBe(s => s == 0);
        batch.Segments[1].Sum().ShouldBe(texts[1].TypeIds.Sum());
        TokenBatch.Of(texts, padLeft: true).Positions[0][^1].ShouldBe(batch.Lengths[0] - 1);
        Should.Throw<VitrineException>(() => TokenBatch.Of([tokenizer.EncodeText("", addSpecialTokens: false)])).Message.ShouldContain("empty");
    }

    [Theory]
    [InlineData("padding", """{"strategy": {"Fixed": "40"}, "pad_id": 0, "pad_token": "[PAD]"}""")]
    [InlineData("padding", """{"strategy": "Longest", "pad_id": 0, "pad_token": "[PAD]"}""")]
    [InlineData("padding", """{"strategy": "BatchLongest", "pad_id": "0", "pad_token": "[PAD]"}""")]
    [InlineData("truncation", """{"max_length": 8.5}""")]
    [InlineData("truncation", """{"max_length": 8, "strategy": "Shortest"}""")]
    [InlineData("truncation", "8")]
    public void Lengths_of_another_kind_are_refused_although_they_are_off(string key, string value)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Bert);
        folder.Change("tokenizer.json", json => json[key] = JsonNode.Parse(value));
        Should.Throw<VitrineException>(() => Tokenizer.Open(folder.Path)).Message.ShouldContain(key);
    }

    private static IReadOnlyList<double> Scores(TextModel model, TokenBatch batch)
    {
        using var answer = model.Classify(batch);
        return answer.Scores()[0];
    }
}
