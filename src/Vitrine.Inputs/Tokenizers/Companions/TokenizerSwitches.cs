using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Inputs.Tokenizers.Companions;

/// <summary>The switches of tokenizer_config.json, as the class that opens the folder reads them.</summary>
internal sealed class TokenizerSwitches
{
    private readonly FolderFiles files;

    private TokenizerSwitches(FolderFiles files) => this.files = files;

    /// <summary>The class that reads them.</summary>
    public TokenizerClass Class => files.Class;

    /// <summary>Whether version 5 is followed.</summary>
    public bool IsNewer => files.IsNewer;

    /// <summary>What to call the file.</summary>
    public string Source => files.ConfigName;

    /// <summary>do_lower_case; null where it is not spelled.</summary>
    public bool? Lowercase { get; private init; }

    /// <summary>strip_accents; null: as <see cref="Lowercase"/>.</summary>
    public bool? StripsAccents { get; private init; }

    /// <summary>tokenize_chinese_chars; null where it is not spelled.</summary>
    public bool? SplitsIdeographs { get; private init; }

    /// <summary>keep_accents; null where it is not spelled.</summary>
    public bool? KeepsAccents { get; private init; }

    /// <summary>add_prefix_space; null where it is not spelled or null.</summary>
    public bool? PrefixSpace { get; private init; }

    /// <summary>trim_offsets; null where it is not spelled.</summary>
    public bool? TrimsOffsets { get; private init; }

    /// <summary>add_bos_token and add_eos_token; null where they are not spelled.</summary>
    public (bool? Begin, bool? End) Ends { get; private init; }

    /// <summary>clean_up_tokenization_spaces.</summary>
    public bool CleansUp { get; private init; }

    /// <summary>The same for byte-pair encodings: always in version 4, on its own key in version 5.</summary>
    public bool CleansUpBytePairs { get; private init; }

    /// <summary>split_special_tokens.</summary>
    public bool SplitsSpecial { get; private init; }

    /// <summary>legacy; null where it is not spelled or null.</summary>
    public bool? Legacy { get; private init; }

    /// <summary>Reads them.</summary>
    /// <param name="files">The files.</param>
    /// <param name="hasPipeline">Whether a tokenizer.json lies beside.</param>
    /// <exception cref="VitrineException">A value is of another kind, or of one that is not computed.</exception>
    public static TokenizerSwitches Read(FolderFiles files, bool hasPipeline)
    {
        if (files.Config is not { } config)
        {
            return new TokenizerSwitches(files);
        }

        RefuseOthers(files, config, hasPipeline);
        var nullIsNone = files.Class.PrefixSpace != Companions.PrefixSpace.ByteLevel;
        var cleansUp = config.Flag("clean_up_tokenization_spaces", false);
        return new TokenizerSwitches(files)
        {
            Lowercase = Flag("do_lower_case"),
            StripsAccents = Flag("strip_accents", nullIsNone: true),
            SplitsIdeographs = Flag("tokenize_chinese_chars"),
            KeepsAccents = Flag("keep_accents"),
            PrefixSpace = Flag("add_prefix_space", nullIsNone),
            TrimsOffsets = Flag("trim_offsets"),
            Ends = (End("add_bos_token"), End("add_eos_token")),
            CleansUp = cleansUp,
            CleansUpBytePairs = config.Flag(TokenizerFiles.CleanUpBpe, false) || !files.IsNewer,
            SplitsSpecial = Flag("split_special_tokens") ?? false,
            Legacy = Flag("legacy", nullIsNone: true),
        };

        bool? Flag(string key, bool nullIsNone = false) => !config.Spells(key) ? null
            : config.Has(key) ? config.Flag(key, false)
            : nullIsNone ? null
            : throw new VitrineException($"{config.Source}: {key} is null; expected true or false.");

        // None counts as false where Python asks whether it is true.
        bool? End(string key) => !config.Spells(key) ? null : config.Flag(key, false);
    }

    private static void RefuseOthers(FolderFiles files, ConfigReader config, bool hasPipeline)
    {
        if (config.Flag("fix_mistral_regex", false))
        {
            throw new VitrineException(
                $"{config.Source}: fix_mistral_regex is true; another split than that of tokenizer.json is not computed by this version.");
        }

        if (config.Flag("from_slow", false) && !files.IsNewer && hasPipeline)
        {
            throw new VitrineException(
                $"{config.Source}: from_slow is true; converting the vocabulary anew beside a tokenizer.json is not computed by this version.");
        }

        if (config.Find("init_inputs") is { } inputs && !(inputs.ValueKind == JsonValueKind.Array && inputs.GetArrayLength() == 0))
        {
            throw new VitrineException($"{config.Source}: init_inputs is {PythonJson.Shown(inputs)}; expected an empty list.");
        }

        if (config.Find("sp_model_kwargs") is { } pieces && !(pieces.ValueKind == JsonValueKind.Object && !pieces.EnumerateObject().Any()))
        {
            throw new VitrineException($"{config.Source}: sp_model_kwargs is {PythonJson.Shown(pieces)}; pieces are not drawn by this version.");
        }

        if (config.Texts("fast_tokenizer_files")?.FirstOrDefault(f => f != "tokenizer.json") is { } other)
        {
            throw new VitrineException($"{config.Source}: fast_tokenizer_files names '{other}'; tokenizer.json alone is read by this version.");
        }
    }
}
