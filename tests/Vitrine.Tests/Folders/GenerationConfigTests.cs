using System.Text.Json.Nodes;
using Vitrine.Tests.Cli;
using Vitrine.Transformers;

namespace Vitrine.Tests.Folders;

/// <summary>generation_config.json acts as in transformers' greedy generate, or is refused by key.</summary>
/// <remarks>Right values: single passes of the same model without cache, under <see cref="ReferenceRules"/>.</remarks>
public sealed class GenerationConfigTests
{
    private const int Count = 8;
    private const string FileName = "generation_config.json";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Files whose rules act on the fixtures' prompts; ids 0 to 9 are in every vocabulary.</summary>
    public static TheoryData<string> Files() =>
    [
        """{"repetition_penalty": 1.8, "eos_token_id": 2, "bos_token_id": 1}""",
        """{"repetition_penalty": 0.6}""",
        """{"encoder_repetition_penalty": 3.5, "eos_token_id": 2}""",
        """{"no_repeat_ngram_size": 1}""",
        """{"no_repeat_ngram_size": 2, "repetition_penalty": 0.5}""",
        """{"encoder_no_repeat_ngram_size": 1}""",
        """{"suppress_tokens": [FIRST, SECOND, 0], "eos_token_id": 2}""",
        """{"begin_suppress_tokens": [FIRST]}""",
        """{"bad_words_ids": [[FIRST], [SECOND, THIRD], [2]], "eos_token_id": 2}""",
        """{"sequence_bias": [[[FIRST], -40.0], [[7], 25.5], [[7, 8], 60.0]]}""",
        """{"eos_token_id": [FIRST, 3], "min_new_tokens": 3}""",
        """{"eos_token_id": [SECOND], "min_length": 1000}""",
        """{"eos_token_id": [SECOND, FIRST], "min_length": 1000, "min_new_tokens": 1}""",
        """{"eos_token_id": THIRD}""",
        """{"forced_eos_token_id": 9, "eos_token_id": 9}""",
        """{"forced_eos_token_id": [8, 9]}""",
        """{"exponential_decay_length_penalty": [2, 3.5], "eos_token_id": 5}""",
        """{"repetition_penalty": 1.3, "no_repeat_ngram_size": 3, "suppress_tokens": [FIRST], "min_new_tokens": 2, "eos_token_id": [SECOND]}""",
    ];

    [Theory, MemberData(nameof(Files))]
    public void A_greedy_generation_takes_the_tokens_of_the_reference(string file)
    {
        using var copy = ModelCopy.Of("llama");
        var (json, expected) = Expected(copy, file);
        copy.Write(FileName, json.ToJsonString());
        using var model = TextModel.Open(copy.Path);
        using var made = model.Generate(TokenBatch.Of(copy.Prompt()), new GenerationOptions(Count) { StopIds = model.StopIds }, cancellation: Token);
        made.Ids[0].ShouldBe(expected);
    }

    [Fact]
    public void A_prompt_of_one_token_may_be_told_its_second()
    {
        using var copy = ModelCopy.Of("llama");
        copy.Write(FileName, """{"forced_bos_token_id": 7, "begin_suppress_tokens": [7, 8]}""");
        using var model = TextModel.Open(copy.Path);
        var rules = new ReferenceRules(JsonNode.Parse(File.ReadAllText(copy[FileName]))!.AsObject());
        using var made = model.Generate(TokenBatch.Of(copy.Prompt()[0]), new GenerationOptions(3), cancellation: Token);
        made.Ids[0].ShouldBe(rules.Generate(ids => ModelCopy.Logits(model, ids), copy.Prompt()[..1], 3));
        made.Ids[0][0].ShouldBe(7);
    }

    /// <summary>Other families go the same way; a row of a batch is counted as if it were alone, wherever its padding stands.</summary>
    [Theory]
    [InlineData("gpt2")]
    [InlineData("gemma2")]
    [InlineData("qwen3")]
    public void Every_family_and_every_row_of_a_batch_follows_the_rules(string family)
    {
        using var copy = ModelCopy.Of(family);
        copy.Write(FileName, """{"repetition_penalty": 2.5, "no_repeat_ngram_size": 2}""");
        using var model = TextModel.Open(copy.Path);
        var rules = new ReferenceRules(JsonNode.Parse(File.ReadAllText(copy[FileName]))!.AsObject());
        var prompt = copy.Prompt();
        int[][] prompts = [prompt, prompt[..3], prompt[2..6]];
        int[][] expected = [.. prompts.Select(p => rules.Generate(ids => ModelCopy.Logits(model, ids), p, 5))];
        foreach (var padLeft in new[] { false, true })
        {
            using var made = model.Generate(TokenBatch.Of(prompts, padLeft), 5, cancellation: Token);
            made.Ids.ShouldBe(expected);
        }
    }

    /// <summary>Where there is no generation_config.json, transformers makes one of config.json; where there is one, config.json's keys do not count.</summary>
    [Fact]
    public void Keys_of_config_json_act_where_there_is_no_generation_config()
    {
        using var copy = ModelCopy.Of("llama");
        var (_, penalised) = Expected(copy, """{"repetition_penalty": 1.8, "eos_token_id": 2}""");
        var (_, plain) = Expected(copy, "{}");
        plain.ShouldNotBe(penalised);
        copy.Edit("config.json", json => json["repetition_penalty"] = 1.8);
        Generated(copy).ShouldBe(penalised);
        copy.Write(FileName, "{}");
        Generated(copy).ShouldBe(plain, "and no end is known");
        copy.Edit("config.json", json => json["eos_token_id"] = plain[1]);
        Generated(copy).ShouldBe(plain, "an end of config.json does not count either");
        File.Delete(copy[FileName]);
        copy.Edit("config.json", json => json.Remove("repetition_penalty"));
        Generated(copy).ShouldBe(plain[..2]);
    }

    /// <summary>transformers 4 follows config.json in this case, transformers 5 the file.</summary>
    [Fact]
    public void A_derived_file_that_config_json_contradicts_is_refused()
    {
        using var copy = ModelCopy.Of("llama");
        copy.Edit("config.json", json => json["repetition_penalty"] = 1.8);
        copy.Write(FileName, """{"_from_model_config": true, "eos_token_id": 2}""");
        Should.Throw<VitrineException>(() => Generated(copy)).Message.ShouldContain("_from_model_config");
        copy.Write(FileName, """{"_from_model_config": true, "repetition_penalty": 1.8, "eos_token_id": 2}""");
        Generated(copy).ShouldBe(Expected(copy, """{"repetition_penalty": 1.8, "eos_token_id": 2}""").Ids);
    }

    [Fact]
    public void A_caller_can_leave_the_rules_out_or_bring_others()
    {
        using var copy = ModelCopy.Of("llama");
        var (_, plain) = Expected(copy, "{}");
        copy.Write(FileName, """{"repetition_penalty": 1.8, "num_beams": 4}""");
        using var model = TextModel.Open(copy.Path);
        var prompt = TokenBatch.Of(copy.Prompt());
        Should.Throw<VitrineException>(() => model.Generate(prompt, 3, cancellation: Token)).Message.ShouldContain("num_beams is 4");
        using var bare = model.Generate(prompt, new GenerationOptions(Count) { Rules = TokenRules.None }, cancellation: Token);
        bare.Ids[0].ShouldBe(plain);
        using var without = TextModel.Open(copy.Path, new ModelOptions { GenerationConfig = false });
        using var other = without.Generate(prompt, Count, cancellation: Token);
        other.Ids[0].ShouldBe(plain);
        using var own = model.Generate(prompt, new GenerationOptions(2) { Rules = TokenRules.None with { Suppressed = [plain[0]] } }, cancellation: Token);
        own.Ids[0][0].ShouldNotBe(plain[0]);
    }

    [Theory]
    [InlineData("""{"num_beams": 4}""", "num_beams is 4")]
    [InlineData("""{"penalty_alpha": 0.6, "top_k": 4}""", "penalty_alpha is 0.6")]
    [InlineData("""{"guidance_scale": 1.5}""", "guidance_scale is 1.5")]
    [InlineData("""{"watermarking_config": {"greenlist_ratio": 0.25}}""", "watermarking_config")]
    [InlineData("""{"force_words_ids": [[5]]}""", "force_words_ids")]
    [InlineData("""{"dola_layers": "high"}""", "dola_layers")]
    [InlineData("""{"logit_magic": 2}""", "unknown key 'logit_magic'")]
    [InlineData("""{"repetition_penalty": "1.8"}""", "repetition_penalty is \"1.8\"; expected a number")]
    [InlineData("""{"repetition_penalty": true}""", "repetition_penalty is true; expected a number")]
    [InlineData("""{"repetition_penalty": 0}""", "repetition_penalty is 0; expected a number above 0")]
    [InlineData("""{"repetition_penalty": NaN}""", "repetition_penalty is NaN; expected a number")]
    [InlineData("""{"no_repeat_ngram_size": 2.0}""", "no_repeat_ngram_size is 2.0; expected a whole number")]
    [InlineData("""{"suppress_tokens": [3, "4"]}""", "suppress_tokens is \"4\"")]
    [InlineData("""{"suppress_tokens": {"3": 4}}""", "suppress_tokens")]
    [InlineData("""{"bad_words_ids": [3, 4]}""", "bad_words_ids")]
    [InlineData("""{"bad_words_ids": []}""", "bad_words_ids")]
    [InlineData("""{"bad_words_ids": [[2]], "eos_token_id": 2}""", "bad_words_ids")]
    [InlineData("""{"eos_token_id": 2.5}""", "eos_token_id is 2.5")]
    [InlineData("""{"eos_token_id": "2"}""", "eos_token_id is \"2\"")]
    [InlineData("""{"eos_token_id": 2147483648}""", "eos_token_id is 2147483648; expected a token id")]
    [InlineData("""{"suppress_tokens": [3, 9223372036854775807]}""", "suppress_tokens is 9223372036854775807; expected a token id")]
    [InlineData("""{"exponential_decay_length_penalty": [2, 1.5]}""", "no eos_token_id")]
    [InlineData("""{"exponential_decay_length_penalty": 2, "eos_token_id": 2}""", "exponential_decay_length_penalty is 2")]
    [InlineData("""{"sequence_bias": {"3": 4}}""", "sequence_bias")]
    [InlineData("""{"bad_words_ids": [[3, 99999999]]}""", "token 99999999")]
    [InlineData("""{"eos_token_id": 2, "eos_token_id": 3}""", "'eos_token_id' stands there twice")]
    public void What_is_not_computed_or_not_of_its_kind_is_refused_by_file_and_key(string file, string named)
    {
        using var copy = ModelCopy.Of("llama");
        copy.Write(FileName, file);
        var message = Should.Throw<VitrineException>(() => Generated(copy)).Message;
        message.ShouldContain(named);
        message.ShouldNotContain("\n");
        if (!named.StartsWith("token ", StringComparison.Ordinal))
        {
            message.ShouldContain(FileName);
        }

        copy.Logits(copy.Prompt()).Length.ShouldBeGreaterThan(0, "a single pass has nothing to do with it");
    }

    /// <summary>Suppressing all of two tokens that are forced leaves none.</summary>
    [Fact]
    public void Rules_that_leave_no_token_say_so()
    {
        using var copy = ModelCopy.Of("llama");
        copy.Write(FileName, """{"forced_eos_token_id": [8, 9], "suppress_tokens": [8, 9]}""");
        Should.Throw<VitrineException>(() => Generated(copy)).Message.ShouldContain("leave no token");
    }

    [Fact]
    public async Task The_command_applies_the_rules_and_says_what_it_does_not_apply()
    {
        using var copy = ModelCopy.Of("llama");
        Assert.SkipUnless(File.Exists(copy["tokenizer.json"]), "the fixture has no tokenizer");
        copy.Write(FileName, """{"eos_token_id": 2, "do_sample": true, "temperature": 0.6, "top_p": 0.9, "top_k": 20}""");
        var (exit, plain, error) = await CommandLine.RunAsync("generate", copy.Path, "the red bowl", "-n", "4", "--json");
        exit.ShouldBe(0, error);
        error.Trim().Split('\n').ShouldHaveSingleItem()
            .ShouldEndWith("asks for sampling (temperature 0.6, top_k 20, top_p 0.9); the largest logit is taken. --sample draws as the file says.");
        var (_, drawn, silent) = await CommandLine.RunAsync("generate", copy.Path, "the red bowl", "-n", "4", "--json", "--sample", "--seed", "3");
        silent.ShouldBeEmpty();
        var (_, spelled, told) = await CommandLine.RunAsync(
            "generate", copy.Path, "the red bowl", "-n", "4", "--json", "--seed", "3", "--temperature", "0.6", "--top-k", "20", "--top-p", "0.9");
        spelled.ShouldBe(drawn);
        told.ShouldContain("drawn is by temperature 0.6, top_k 20, top_p 0.9");
        copy.Write(FileName, """{"eos_token_id": 2, "suppress_tokens": [FIRST]}""".Replace("FIRST", $"{FirstId(plain)}", StringComparison.Ordinal));
        var (_, suppressed, _) = await CommandLine.RunAsync("generate", copy.Path, "the red bowl", "-n", "4", "--json");
        FirstId(suppressed).ShouldNotBe(FirstId(plain));
        (await CommandLine.RunAsync("generate", copy.Path, "the red bowl", "-n", "4", "--json", "--no-generation-config")).Out.ShouldBe(plain);
        copy.Write(FileName, """{"num_beams": 3}""");
        (exit, _, error) = await CommandLine.RunAsync("generate", copy.Path, "the red bowl", "-n", "4");
        (exit, error.Trim().Split('\n').Length).ShouldBe((1, 1));
        error.ShouldContain("num_beams is 3; beam search is not computed. --no-generation-config");
    }

    private static int FirstId(string json) => JsonNode.Parse(json)!["ids"]![0]!.GetValue<int>();

    private static int[] Generated(ModelCopy copy)
    {
        using var model = TextModel.Open(copy.Path);
        using var made = model.Generate(TokenBatch.Of(copy.Prompt()), new GenerationOptions(Count) { StopIds = model.StopIds }, cancellation: Token);
        return [.. made.Ids[0]];
    }

    /// <summary>A file in which FIRST, SECOND and THIRD became the tokens that the model takes by itself, and what the reference writes under it.</summary>
    private static (JsonObject File, int[] Ids) Expected(ModelCopy copy, string file)
    {
        using var model = TextModel.Open(copy.Path, new ModelOptions { GenerationConfig = false });
        float[] Logits(int[] ids) => ModelCopy.Logits(model, ids);
        var free = new ReferenceRules([]).Generate(Logits, copy.Prompt(), 3);
        foreach (var (name, id) in new[] { "FIRST", "SECOND", "THIRD" }.Zip(free))
        {
            file = file.Replace(name, $"{id}", StringComparison.Ordinal);
        }

        var json = JsonNode.Parse(file)!.AsObject();
        return (json, new ReferenceRules(json).Generate(Logits, copy.Prompt(), Count));
    }
}
