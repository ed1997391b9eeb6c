using System.Text;
using Vitrine.Inputs.Tokenizers.Decoders;
using Vitrine.Inputs.Tokenizers.PreTokenizers;

namespace Vitrine.Inputs.Tokenizers.Json;

/// <summary>Reads decoders.</summary>
internal static class DecoderJson
{
    public static IDecoder Read(JsonPart? part) => part is not { } json ? new SpacesBetween() : json.Kind switch
    {
        "Sequence" => new DecoderSequence([.. json.List("decoders", "decoder").Select(d => Read(d))]),
        "ByteLevel" => new ByteLevelDecoder(),
        "Replace" => new ReplaceDecoder(NormalizerJson.Pattern(json), json.Text("content")),
        "ByteFallback" => new ByteFallbackDecoder(),
        "Fuse" => new FuseDecoder(),
        "Strip" => new StripDecoder(
            Rune.TryGetRuneAt(json.Text("content"), 0, out var content) && content.Utf16SequenceLength == json.Text("content").Length
                ? content
                : throw json.Wrong("a 'content' of one character"),
            json.Number("start"), json.Number("stop")),
        "Metaspace" => new MetaspaceDecoder(PreTokenizerJson.Sign(json), PreTokenizerJson.Scheme(json) != PrependScheme.Never),
        "WordPiece" => new WordPieceDecoder(json.OptionalText("prefix") ?? "##", json.Flag("cleanup", otherwise: true)),
        "BPEDecoder" => new SuffixDecoder(json.OptionalText("suffix") ?? "</w>"),
        var kind => throw json.Unsupported(kind),
    };
}
