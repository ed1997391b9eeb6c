using System.Text.Json;
using Vitrine.Inputs.Tokenizers.Companions;
using Vitrine.Inputs.Tokenizers.Models;
using Vitrine.Inputs.Tokenizers.Normalizers;

namespace Vitrine.Inputs.Tokenizers.Json;

/// <summary>Reads a tokenizer.json component by component; what is not computed is refused by its name.</summary>
internal static class TokenizerJson
{
    /// <param name="json">The content.</param>
    /// <param name="source">The file, for messages.</param>
    /// <param name="files">What lies beside it; null where it is read alone.</param>
    public static Tokenizer Read(JsonElement json, string source, FolderFiles? files = null)
    {
        var root = new JsonPart(json, source, "tokenizer.json");
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw root.Wrong("an object");
        }

        var model = ModelJson.Read(root.Part("model", "model"));
        AddedToken[] own = [.. root.OptionalPart("added_tokens", "added_tokens") is null ? [] : root.List("added_tokens", "added token").Select(Added)];
        var parts = files is null ? Alone(root, model, own) : Beside(root, model, own, files);
        foreach (var token in parts.Added.All)
        {
            if (model.Vocabulary.Word(token.Id) is { } word && word != token.Content)
            {
                throw new VitrineException($"{source}: the id {token.Id} is given to the added token '{token.Content}' and to '{word}' of the vocabulary.");
            }

            if (token.Id is < 0 or > Vocabulary.LargestAllowedId)
            {
                throw new VitrineException(
                    $"{source}: the id {token.Id} of the added token '{token.Content}' is out of range; expected 0 to {Vocabulary.LargestAllowedId}.");
            }
        }

        return new Tokenizer(parts with
        {
            SavedTruncation = root.OptionalPart("truncation", "truncation") is { } truncation ? Truncation(truncation) : null,
            SavedPadding = root.OptionalPart("padding", "padding") is { } padding ? Padding(padding) : null,
        });
    }

    /// <summary>As the file says.</summary>
    private static TokenizerParts Alone(JsonPart root, ITokenModel model, AddedToken[] own)
    {
        var normalizer = NormalizerJson.Read(root.OptionalPart("normalizer", "normalizer"));
        return new TokenizerParts
        {
            Added = Cutter(own, normalizer, root.Source),
            Normalizer = normalizer,
            PreTokenizer = PreTokenizerJson.Read(root.OptionalPart("pre_tokenizer", "pre_tokenizer")),
            Model = model,
            PostProcessor = PostProcessorJson.Read(root.OptionalPart("post_processor", "post_processor"), model.Vocabulary),
            Decoder = DecoderJson.Read(root.OptionalPart("decoder", "decoder")),
        };
    }

    /// <summary>As the class that opens the folder makes of it.</summary>
    private static TokenizerParts Beside(JsonPart root, ITokenModel model, AddedToken[] own, FolderFiles files)
    {
        var switches = TokenizerSwitches.Read(files, hasPipeline: true);
        var tokens = SpecialTokens.Read(files);
        var (normalizerJson, preTokenizerJson) = (root.OptionalPart("normalizer", "normalizer"), root.OptionalPart("pre_tokenizer", "pre_tokenizer"));
        var isTurned = PipelinePatch.TurnsPrefix(normalizerJson, preTokenizerJson, switches);
        var pipeline = isTurned ? LlamaPipeline.Of(switches.PrefixSpace!.Value, switches.Legacy ?? false) : null;
        var normalizer = pipeline?.Normalizer ?? NormalizerJson.Read(PipelinePatch.Normalizer(normalizerJson, switches));
        var added = Cutter(TokenAdder.Add(own, model.Vocabulary, tokens), normalizer, root.Source, switches.SplitsSpecial);
        var notes = files.Notes.ToList();
        if (files.IsNewer && files.Class.IsBert && root.Part("model", "model").OptionalText("unk_token") is { } unknown && unknown != tokens.Text("unk_token"))
        {
            throw new VitrineException(
                $"{files.ConfigName}: unk_token is {(tokens.Text("unk_token") is { } other ? $"'{other}'" : "null")}, that of tokenizer.json '{unknown}'; "
                + "they must agree.");
        }

        var ends = new TextEnds(files, switches, tokens, added, model.Vocabulary);
        var ofFile = PostProcessorJson.Read(
            PipelinePatch.PostProcessor(root.OptionalPart("post_processor", "post_processor"), switches), model.Vocabulary);
        return new TokenizerParts
        {
            Added = added,
            Normalizer = normalizer,
            PreTokenizer = pipeline?.PreTokenizer ?? PreTokenizerJson.Read(PipelinePatch.PreTokenizer(preTokenizerJson, switches)),
            Model = model,
            PostProcessor = ends.Beside(ofFile, notes),
            Decoder = pipeline?.Decoder ?? DecoderJson.Read(root.OptionalPart("decoder", "decoder")),
            CleansUp = switches.CleansUp && (model is not BytePairModel || switches.CleansUpBytePairs),
            Notes = notes,
        };
    }

    private static AddedTokens Cutter(IEnumerable<AddedToken> tokens, INormalizer normalizer, string source, bool splitsSpecial = false)
        => new(tokens, text => normalizer.Normalize(AlignedText.Of(text, track: false)).Text, source, splitsSpecial);

    private static AddedToken Added(JsonPart token) => new(token.Text("content"), token.Number("id"))
    {
        Special = token.Flag("special"),
        SingleWord = token.Flag("single_word"),
        StripsLeft = token.Flag("lstrip"),
        StripsRight = token.Flag("rstrip"),
        Normalized = token.Flag("normalized", otherwise: !token.Flag("special")),
    };

    private static Truncation Truncation(JsonPart json)
    {
        var length = json.Number("max_length");
        return length < 0 ? throw json.Wrong("a max_length that is not negative") : new Truncation(
            length,
            (json.OptionalText("strategy") ?? "LongestFirst") switch
            {
                "LongestFirst" => TruncationStrategy.LongestFirst,
                "OnlyFirst" => TruncationStrategy.OnlyFirst,
                "OnlySecond" => TruncationStrategy.OnlySecond,
                var strategy => throw json.Unsupported(strategy),
            },
            FromLeft(json));
    }

    private static Padding Padding(JsonPart json)
    {
        var strategy = json.Part("strategy", "padding strategy");
        int? length = strategy.Element.ValueKind == JsonValueKind.Object
            ? strategy.Number("Fixed")
            : strategy.Element.ValueKind == JsonValueKind.String && strategy.Element.GetString() == "BatchLongest" ? null
            : throw strategy.Wrong("'BatchLongest' or a 'Fixed' length");
        if (length is < 0 or > 10_000_000 || json.OptionalNumber("pad_to_multiple_of") is < 0 or > 10_000_000)
        {
            throw json.Wrong("lengths from 0 to 10000000");
        }

        return new Padding(json.Number("pad_id"), json.Text("pad_token"), length, FromLeft(json), json.OptionalNumber("pad_to_multiple_of") ?? 0,
            json.OptionalNumber("pad_type_id") ?? 0);
    }

    private static bool FromLeft(JsonPart json) => (json.OptionalText("direction") ?? "Right") switch
    {
        "Right" => false,
        "Left" => true,
        var direction => throw json.Unsupported(direction),
    };
}
