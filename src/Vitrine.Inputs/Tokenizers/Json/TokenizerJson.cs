using System.Text.Json;

namespace Vitrine.Inputs.Tokenizers.Json;

/// <summary>Reads a tokenizer.json component by component; what is not computed is refused by its name.</summary>
internal static class TokenizerJson
{
    public static Tokenizer Read(JsonElement json, string source)
    {
        var root = new JsonPart(json, source, "tokenizer.json");
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw root.Wrong("an object");
        }

        var normalizer = NormalizerJson.Read(root.OptionalPart("normalizer", "normalizer"));
        var model = ModelJson.Read(root.Part("model", "model"));
        var added = new AddedTokens(
            root.OptionalPart("added_tokens", "added_tokens") is null ? [] : root.List("added_tokens", "added token").Select(Added),
            text => normalizer.Normalize(AlignedText.Of(text, track: false)).Text,
            source);
        foreach (var token in added.All)
        {
            if (model.Vocabulary.Word(token.Id) is { } word && word != token.Content)
            {
                throw new VitrineException($"{source}: the id {token.Id} is given to the added token '{token.Content}' and to '{word}' of the vocabulary.");
            }

            if (token.Id is < 0 or > Models.Vocabulary.LargestAllowedId)
            {
                throw new VitrineException(
                    $"{source}: the id {token.Id} of the added token '{token.Content}' is out of range; expected 0 to {Models.Vocabulary.LargestAllowedId}.");
            }
        }

        return new Tokenizer(new TokenizerParts
        {
            Added = added,
            Normalizer = normalizer,
            PreTokenizer = PreTokenizerJson.Read(root.OptionalPart("pre_tokenizer", "pre_tokenizer")),
            Model = model,
            PostProcessor = PostProcessorJson.Read(root.OptionalPart("post_processor", "post_processor"), model.Vocabulary),
            Decoder = DecoderJson.Read(root.OptionalPart("decoder", "decoder")),
            Truncation = root.OptionalPart("truncation", "truncation") is { } truncation ? Truncation(truncation) : null,
            Padding = root.OptionalPart("padding", "padding") is { } padding ? Padding(padding) : null,
        });
    }

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
