using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Tests.Inputs.Tokenizers;

/// <summary>
/// Switches of tokenizer_config.json, held against the class of transformers that reads them (versions 4.57 and 5.15). Ids are those of
/// <see cref="TinyTokenizers"/>.
/// </summary>
public sealed class CompanionSwitchTests
{
    private static readonly TokenizerOptions Four = new() { Reference = TokenizerReference.Transformers4 };

    /// <remarks>e 5, E 6, é 7, É 8, 中 9, 中中 10; [CLS] 2 and [SEP] 3 around.</remarks>
    [Theory]
    [InlineData("""{"tokenizer_class": "BertTokenizer"}""", "É中中", new[] { 5, 9, 9 })]
    [InlineData("""{"tokenizer_class": "BertTokenizerFast"}""", "É中中", new[] { 5, 9, 9 })]
    [InlineData("""{"tokenizer_class": "BertTokenizer", "do_lower_case": true}""", "É", new[] { 5 })]
    [InlineData("""{"tokenizer_class": "BertTokenizer", "do_lower_case": false}""", "É", new[] { 8 })]
    [InlineData("""{"tokenizer_class": "DistilBertTokenizer", "do_lower_case": false}""", "E é", new[] { 6, 7 })]
    [InlineData("""{"tokenizer_class": "ElectraTokenizer", "do_lower_case": false}""", "E é", new[] { 6, 7 })]
    [InlineData("""{"tokenizer_class": "BertTokenizer", "do_lower_case": false, "strip_accents": true}""", "É", new[] { 6 })]
    [InlineData("""{"tokenizer_class": "BertTokenizer", "strip_accents": false}""", "É", new[] { 7 })]
    [InlineData("""{"tokenizer_class": "BertTokenizer", "strip_accents": null}""", "É", new[] { 5 })]
    [InlineData("""{"tokenizer_class": "BertTokenizer", "tokenize_chinese_chars": false}""", "中中", new[] { 10 })]
    [InlineData("""{"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": false, "strip_accents": false}""", "É", new[] { 5 })]
    public void Bert_s_classes_build_the_normalizer_from_their_switches(string config, string text, int[] expected)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Bert, config);
        Tokenizer.Open(folder.Path).Encode(text).ShouldBe([2, .. expected, 3]);
        Tokenizer.Open(folder.Path, Four).Encode(text).ShouldBe([2, .. expected, 3]);
    }

    [Fact]
    public void The_case_of_the_cased_classifier_reads_other_words()
    {
        using var folder = new TemporaryFolder(Fixtures.Of("models", "bert-classifier"));
        folder.Change("tokenizer_config.json", json => json["do_lower_case"] = false);
        Tokenizer.Open(folder.Path).Encode("The RED Bowl").ShouldBe([2, 1, 1, 1, 3]);
    }

    [Theory]
    [InlineData("""{"model_type": "bert"}""", new[] { 8 })]
    [InlineData("""{"model_type": "distilbert"}""", new[] { 8 })]
    [InlineData("""{"tokenizer_class": "BertTokenizer", "model_type": "roformer"}""", new[] { 8 })]
    [InlineData("""{"model_type": "mistral"}""", new[] { 5 })]
    public void Without_a_class_of_its_own_config_json_names_it(string model, int[] expected)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Bert, """{"do_lower_case": false}""");
        folder.Write("config.json", model);
        Tokenizer.Open(folder.Path).Encode("É").ShouldBe([2, .. expected, 3]);
    }

    [Theory]
    [InlineData("do_lower_case", "true", null)]
    [InlineData("do_lower_case", "false", "do_lower_case is false, which the normalizer of tokenizer.json contradicts")]
    [InlineData("strip_accents", "false", "strip_accents is false")]
    [InlineData("keep_accents", "false", null)]
    [InlineData("keep_accents", "true", "keep_accents is true")]
    [InlineData("tokenize_chinese_chars", "false", "tokenize_chinese_chars is false")]
    public void What_another_class_might_read_must_agree_with_the_pipeline(string key, string value, string? refusal)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Bert, $$"""{"tokenizer_class": "AlbertTokenizer", "{{key}}": {{value}}}""");
        if (refusal is null)
        {
            Tokenizer.Open(folder.Path).Encode("É").ShouldBe([2, 5, 3]);
        }
        else
        {
            var message = Should.Throw<VitrineException>(() => Tokenizer.Open(folder.Path)).Message;
            message.ShouldStartWith(Path.Combine(folder.Path, "tokenizer_config.json"));
            message.ShouldContain(refusal);
        }
    }

    /// <remarks>transformers 5, BertTokenizer.__init__: the template is built from cls_token and sep_token; version 4 leaves that of the file.</remarks>
    [Fact]
    public void Version_5_builds_Bert_s_template_from_its_tokens()
    {
        using var folder = TinyTokenizers.Folder(
            TinyTokenizers.Bert, """{"tokenizer_class": "BertTokenizer", "cls_token": "[MASK]", "sep_token": "[PAD]", "mask_token": "[CLS]"}""");
        var five = Tokenizer.Open(folder.Path).EncodeText("e", "e");
        five.Ids.ShouldBe([4, 5, 0, 5, 0]);
        five.TypeIds.ShouldBe([0, 0, 0, 1, 1]);
        Tokenizer.Open(folder.Path, Four).Encode("e", "e").ShouldBe([2, 5, 3, 5, 3]);
    }

    /// <remarks>a 0, Ġa 2. The file puts a space in front; GPT-2's class says whether it does, and says no where the key is missing.</remarks>
    [Theory]
    [InlineData("""{"tokenizer_class": "GPT2Tokenizer"}""", new[] { 0 }, new[] { 0 })]
    [InlineData("""{"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": false}""", new[] { 0 }, new[] { 0 })]
    [InlineData("""{"tokenizer_class": "GPT2TokenizerFast", "add_prefix_space": true}""", new[] { 2 }, new[] { 2 })]
    [InlineData("""{"tokenizer_class": "GPTNeoXTokenizer", "add_prefix_space": true}""", new[] { 2 }, new[] { 2 })]
    [InlineData("""{"tokenizer_class": "GPTNeoXTokenizer"}""", new[] { 0 }, new[] { 0 })]
    [InlineData("""{"tokenizer_class": "Qwen2Tokenizer", "add_prefix_space": null}""", new[] { 0 }, new[] { 0 })]
    [InlineData("""{"tokenizer_class": "PreTrainedTokenizerFast", "add_prefix_space": false}""", new[] { 2 }, new[] { 0 })]
    [InlineData("""{"tokenizer_class": "PreTrainedTokenizerFast"}""", new[] { 2 }, new[] { 0 })]
    [InlineData("""{"tokenizer_class": "CodeGenTokenizer", "add_prefix_space": true}""", new[] { 2 }, new[] { 2 })]
    public void A_prefix_space_is_put_where_the_class_puts_it(string config, int[] five, int[] four)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.ByteLevel, config);
        Tokenizer.Open(folder.Path).Encode("a").ShouldBe(five);
        Tokenizer.Open(folder.Path, Four).Encode("a").ShouldBe(four);
    }

    [Fact]
    public void Also_inside_a_sequence_in_version_5_alone()
    {
        var sequence = TinyTokenizers.ByteLevel.Replace(
            "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": true, \"use_regex\": true}",
            "\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"ByteLevel\", \"add_prefix_space\": true}]}",
            StringComparison.Ordinal);
        using var folder = TinyTokenizers.Folder(sequence, """{"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": false}""");
        Tokenizer.Open(folder.Path).Encode("a").ShouldBe([0]);
        Tokenizer.Open(folder.Path, Four).Encode("a").ShouldBe([2], "version 4 looks at the pre-tokenizer itself");
    }

    [Fact]
    public void What_is_not_computed_of_a_prefix_space_is_refused()
    {
        using var gpt2 = TinyTokenizers.Folder(TinyTokenizers.ByteLevel, """{"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": null}""");
        Should.Throw<VitrineException>(() => Tokenizer.Open(gpt2.Path)).Message.ShouldContain("add_prefix_space is null; expected true or false");
        using var other = TinyTokenizers.Folder(TinyTokenizers.ByteLevel, """{"tokenizer_class": "CodeGenTokenizer", "add_prefix_space": false}""");
        Should.Throw<VitrineException>(() => Tokenizer.Open(other.Path)).Message.ShouldContain("add_prefix_space is false, which the pre_tokenizer");
    }

    /// <remarks>▁ 3, a 4, ▁a 5, b 6, ▁b 7. transformers 5, LlamaTokenizer: a Metaspace pre-tokenizer by add_prefix_space and legacy.</remarks>
    [Theory]
    [InlineData("""{"add_prefix_space": true}""", new[] { 5, 2, 7 })]
    [InlineData("""{"add_prefix_space": null}""", new[] { 5, 2, 7 })]
    [InlineData("""{"add_prefix_space": false}""", new[] { 4, 2, 6 })]
    [InlineData("""{"add_prefix_space": false, "legacy": true}""", new[] { 4, 2, 6 })]
    public void Llama_s_space_in_front_may_be_left_out(string config, int[] expected)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama, config[..^1] + """, "tokenizer_class": "LlamaTokenizer"}""");
        var tokenizer = Tokenizer.Open(folder.Path);
        tokenizer.Encode("a</s>b").ShouldBe([1, .. expected]);
        tokenizer.Decode(tokenizer.Encode(" a b", addSpecialTokens: false)).ShouldBe(" a b");
    }

    [Fact]
    public void Version_4_converts_it_anew_and_is_refused()
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama, """{"tokenizer_class": "LlamaTokenizer", "add_prefix_space": false}""");
        Should.Throw<VitrineException>(() => Tokenizer.Open(folder.Path, Four)).Message.ShouldContain("add_prefix_space is false, which the pipeline");
    }

    /// <remarks>
    /// transformers 5, _from_pretrained: add_bos_token and add_eos_token are dropped beside a tokenizer.json. Version 4, LlamaTokenizerFast and its kin: the
    /// template is built from them.
    /// </remarks>
    [Theory]
    [InlineData("LlamaTokenizer", "", new[] { 1, 5 }, 0)]
    [InlineData("LlamaTokenizer", "\"add_bos_token\": false", new[] { 5 }, 1)]
    [InlineData("LlamaTokenizer", "\"add_bos_token\": null", new[] { 5 }, 1)]
    [InlineData("LlamaTokenizer", "\"add_eos_token\": true", new[] { 1, 5, 2 }, 1)]
    [InlineData("LlamaTokenizerFast", "\"add_bos_token\": false, \"add_eos_token\": true", new[] { 5, 2 }, 2)]
    [InlineData("GemmaTokenizer", "\"add_bos_token\": false, \"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"pad_token\": \"</s>\"", new[] { 5 }, 1)]
    [InlineData("GPTNeoXTokenizer", "\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"unk_token\": \"<unk>\", \"pad_token\": \"</s>\"", new[] { 5 }, 0)]
    [InlineData("PreTrainedTokenizerFast", "\"add_bos_token\": false, \"bos_token\": \"<s>\"", new[] { 1, 5 }, 0)]
    public void Tokens_around_a_text_come_from_the_flags_in_version_4_and_from_the_file_in_version_5(string name, string flags, int[] four, int notes)
    {
        using var folder = TinyTokenizers.Folder(
            TinyTokenizers.Llama, $$"""{"tokenizer_class": "{{name}}"{{(flags.Length > 0 ? ", " : "")}}{{flags}}}""");
        var five = Tokenizer.Open(folder.Path);
        five.Encode("a").ShouldBe([1, 5]);
        five.Notes.Count.ShouldBe(notes, string.Join('|', five.Notes));
        five.Notes.ShouldAllBe(n => n.Contains("--tokenizer-as transformers-4", StringComparison.Ordinal));
        var former = Tokenizer.Open(folder.Path, Four);
        former.Encode("a").ShouldBe(four);
        former.Notes.ShouldBeEmpty();
    }

    [Fact]
    public void The_two_open_cases_of_the_llama_fixture()
    {
        int[] text = [287, 300, 267, 266, 304, 282, 273];
        using var folder = new TemporaryFolder(Fixtures.Of("models", "llama"));
        folder.Change("tokenizer_config.json", json => json["add_bos_token"] = false);
        Tokenizer.Open(folder.Path).Encode("the red bowl").ShouldBe([1, .. text]);
        Tokenizer.Open(folder.Path, Four).Encode("the red bowl").ShouldBe(text);
        folder.Change("tokenizer_config.json", json => (json["add_bos_token"], json["add_eos_token"]) = (true, true));
        Tokenizer.Open(folder.Path).Encode("the red bowl").ShouldBe([1, .. text]);
        Tokenizer.Open(folder.Path, Four).Encode("the red bowl").ShouldBe([1, .. text, 2]);
        Tokenizer.Open(folder.Path, Four).EncodeText("the red bowl", "the red bowl").TypeIds.ShouldBe([.. Enumerable.Repeat(0, 9), .. Enumerable.Repeat(1, 9)]);
    }

    [Fact]
    public void Version_4_needs_the_token_that_it_is_to_put_in_front()
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama, """{"tokenizer_class": "LlamaTokenizer", "bos_token": null}""");
        Should.Throw<VitrineException>(() => Tokenizer.Open(folder.Path, Four)).Message.ShouldContain("bos_token is null");
        Tokenizer.Open(folder.Path).Encode("a").ShouldBe([1, 5]);
    }

    [Fact]
    public void Special_tokens_in_a_text_are_cut_like_text_where_they_are_to_be()
    {
        const string Config = """
            {"split_special_tokens": true,
             "added_tokens_decoder": {"8": {"content": "ab", "normalized": false}, "9": {"content": "ba", "special": true}}}
            """;
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama, Config);
        var tokenizer = Tokenizer.Open(folder.Path);
        tokenizer.Encode("ab").ShouldBe([1, 8], "a token that is not special stays whole");
        tokenizer.Encode("ba").ShouldBe([1, 7, 4]);
        folder.Change("tokenizer_config.json", json => json["split_special_tokens"] = false);
        Tokenizer.Open(folder.Path).Encode("ba").ShouldBe([1, 9]);
    }

    /// <remarks>' 12, s 13, t 14, . 11. transformers, clean_up_tokenization: " ' " closes to "'", " ." to ".".</remarks>
    [Theory]
    [InlineData("", "e ' s t .")]
    [InlineData("\"clean_up_tokenization_spaces\": false", "e ' s t .")]
    [InlineData("\"clean_up_tokenization_spaces\": null", "e ' s t .")]
    [InlineData("\"clean_up_tokenization_spaces\": true", "e's t.")]
    public void Decoded_words_lose_their_gaps(string flag, string expected)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Bert, $$"""{"tokenizer_class": "BertTokenizer"{{(flag.Length > 0 ? ", " : "")}}{{flag}}}""");
        var tokenizer = Tokenizer.Open(folder.Path);
        int[] ids = [2, 5, 12, 13, 14, 11, 3];
        tokenizer.Decode(ids).ShouldBe(expected);
        var stream = tokenizer.Stream();
        (string.Concat(ids.Select(stream.Add)) + stream.Finish()).ShouldBe(expected);
        Tokenizer.Open(Path.Combine(folder.Path, "tokenizer.json")).Decode(ids).ShouldBe("e ' s t .");
    }

    [Theory]
    [InlineData("\"clean_up_tokenization_spaces\": true", "a .", "a.")]
    [InlineData("\"clean_up_tokenization_spaces\": true, \"clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output\": true", "a.", "a.")]
    [InlineData("\"clean_up_tokenization_spaces\": false", "a .", "a .")]
    [InlineData("", "a .", "a .")]
    public void Byte_pairs_lose_theirs_in_version_4(string flags, string five, string four)
    {
        using var folder = TinyTokenizers.Folder(
            TinyTokenizers.ByteLevel, $$"""{"tokenizer_class": "GPT2Tokenizer"{{(flags.Length > 0 ? ", " : "")}}{{flags}}}""");
        Tokenizer.Open(folder.Path).Decode([0, 4]).ShouldBe(five);
        Tokenizer.Open(folder.Path, Four).Decode([0, 4]).ShouldBe(four);
    }

    /// <remarks>transformers, RobertaTokenizer: with trim_offsets the space of Ġa is not part of it.</remarks>
    [Theory]
    [InlineData("", 1)]
    [InlineData(", \"trim_offsets\": true", 1)]
    [InlineData(", \"trim_offsets\": false", 0)]
    public void Offsets_leave_spaces_out_as_Roberta_s_class_says(string flag, int start)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.ByteLevel,
            $$"""{"tokenizer_class": "RobertaTokenizer", "cls_token": "<|endoftext|>", "sep_token": "<|endoftext|>"{{flag}}}""");
        foreach (var options in new[] { TokenizerOptions.Default, Four })
        {
            var encoded = Tokenizer.Open(folder.Path, options).EncodeText(" a", addSpecialTokens: false);
            encoded.Ids.ShouldBe([2]);
            encoded.Offsets.ShouldBe([(start, 2)]);
        }
    }

    [Theory]
    [InlineData("""{"sp_model_kwargs": {"enable_sampling": true}}""", "sp_model_kwargs")]
    [InlineData("""{"init_inputs": ["vocab.txt"]}""", "init_inputs")]
    [InlineData("""{"fix_mistral_regex": true}""", "fix_mistral_regex")]
    [InlineData("""{"fast_tokenizer_files": ["tokenizer.4.0.json", "tokenizer.json"]}""", "tokenizer.4.0.json")]
    [InlineData("""{"tgt_lang": "fra_Latn"}""", "unknown key 'tgt_lang'")]
    [InlineData("""{"do_lower_case": null}""", "do_lower_case is null")]
    [InlineData("""{"do_lower_case": 0}""", "do_lower_case is 0")]
    [InlineData("""{"legacy": "false"}""", "legacy is \"false\"")]
    [InlineData("""{"add_bos_token": 1}""", "add_bos_token is 1")]
    [InlineData("""{"tokenizer_class": 4}""", "tokenizer_class is 4")]
    [InlineData("""["tokenizer_class"]""", "expected an object")]
    [InlineData("""{"do_lower_case": false, "do_lower_case": true}""", "'do_lower_case' stands there twice")]
    public void What_is_not_computed_or_of_another_kind_is_refused_by_file_and_key(string config, string expected)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Bert, config);
        var message = Should.Throw<VitrineException>(() => Tokenizer.Open(folder.Path)).Message;
        message.ShouldStartWith(Path.Combine(folder.Path, "tokenizer_config.json"));
        message.ShouldContain(expected);
        message.ShouldNotContain("\n");
    }

    [Fact]
    public void Version_5_reads_the_unknown_token_of_Bert_from_its_configuration_so_both_must_agree()
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Bert, """{"tokenizer_class": "BertTokenizer", "unk_token": "[PAD]"}""");
        Should.Throw<VitrineException>(() => Tokenizer.Open(folder.Path)).Message.ShouldContain("unk_token is '[PAD]', that of tokenizer.json '[UNK]'");
        Tokenizer.Open(folder.Path, Four).Encode("x").ShouldBe([2, 1, 3]);
    }

    public static TheoryData<string> Folders() => TokenizerFolders.All();

    /// <remarks>Goldens are those of tokenizer.json alone: transformers gives the same ids for every one of these folders that saves no lengths.</remarks>
    [Theory, MemberData(nameof(Folders))]
    public void Every_folder_keeps_its_golden_ids_when_it_is_read_whole(string name)
    {
        var tokenizer = Tokenizer.Open(TokenizerFolders.Of(name)).AsSaved();
        foreach (var golden in TokenizerFolders.Goldens(name))
        {
            var text = golden.GetProperty("text").GetString()!;
            var ids = golden.TryGetProperty("pair", out var pair) ? tokenizer.Encode(text, pair.GetString()!) : tokenizer.Encode(text);
            ids.ShouldBe(TokenizerFolders.Ids(golden, "ids_with_special"), text);
        }
    }
}

file static class Saved
{
    public static Tokenizer AsSaved(this Tokenizer tokenizer) => tokenizer.With(tokenizer.SavedTruncation, tokenizer.SavedPadding);
}
