using System.Text.Json;
using Vitrine.Inputs.Tokenizers.Models;
using Vitrine.Inputs.Tokenizers.PostProcessors;

namespace Vitrine.Inputs.Tokenizers.Json;

/// <summary>Reads post-processors.</summary>
internal static class PostProcessorJson
{
    public static IPostProcessor Read(JsonPart? part, Vocabulary vocabulary) => part is not { } json ? new PlainProcessor() : json.Kind switch
    {
        "Sequence" => new ProcessorSequence([.. json.List("processors", "post_processor").Select(p => Read(p, vocabulary))]),
        "TemplateProcessing" => Template(json),
        "ByteLevel"
            => json.Flag("trim_offsets", otherwise: true)
                ? new OffsetTrimming(vocabulary, json.Flag("add_prefix_space", otherwise: true))
                : new PlainProcessor(),
        "BertProcessing" => Classic(json, roberta: false),
        "RobertaProcessing" => new ProcessorSequence([
            json.Flag("trim_offsets", otherwise: true)
                ? new OffsetTrimming(vocabulary, json.Flag("add_prefix_space", otherwise: true))
                : new PlainProcessor(), Classic(json, roberta: true)]),
        var kind => throw json.Unsupported(kind),
    };

    private static TemplateProcessor Template(JsonPart json)
    {
        var tokens = json.OptionalPart("special_tokens", "special_tokens of the template");
        return new TemplateProcessor(Places("single", 1), json.OptionalPart("pair", "template") is null ? [new(0, [], 0), new(1, [], 1)] : Places("pair", 2));

        List<TemplatePart> Places(string key, int texts)
        {
            var places = json.List(key, "template part").Select(Place).ToList();
            var found = places.Where(p => p.Text is not null).Select(p => p.Text!.Value).Order().ToArray();
            return found.SequenceEqual(Enumerable.Range(0, texts)) ? places : throw json.Wrong($"a '{key}' template that has each of its {texts} texts once");
        }

        TemplatePart Place(JsonPart place)
        {
            if (place.OptionalPart("Sequence", "template part") is { } sequence)
            {
                return new TemplatePart(sequence.Text("id") switch { "A" => 0, "B" => 1, _ => throw sequence.Wrong("the text A or B") }, [],
                    sequence.OptionalNumber("type_id") ?? 0);
            }

            var special = place.Part("SpecialToken", "special token of the template");
            var name = special.Text("id");
            return tokens?.OptionalPart(name, $"special token '{name}' of the template") is { } token
                ? new TemplatePart(null, [.. token.List("ids", $"id of the special token '{name}'").Select(Id)], special.OptionalNumber("type_id") ?? 0)
                : throw special.Missing(name);
        }
    }

    private static TemplateProcessor Classic(JsonPart json, bool roberta)
    {
        return roberta
            ? TemplateProcessor.Roberta(Token("cls"), Token("sep"))
            : TemplateProcessor.Bert(Token("cls"), Token("sep")) with { SegmentsWithoutTokens = false };

        int Token(string key)
        {
            var pair = json.Part(key, key);
            return pair.Element.ValueKind == JsonValueKind.Array && pair.Element.GetArrayLength() == 2
                ? Id(new JsonPart(pair.Element[1], json.Source, $"id of {key}"))
                : throw pair.Wrong("a token and its id");
        }
    }

    private static int Id(JsonPart id)
        => id.Element.ValueKind == JsonValueKind.Number && id.Element.TryGetInt32(out var value) && value is >= 0 and <= Vocabulary.LargestAllowedId
            ? value
            : throw id.Wrong("an id");
}
