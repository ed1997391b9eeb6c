using System.Text.Json;
using Vitrine.Inputs.Tokenizers.Json;
using Vitrine.Inputs.Tokenizers.SentencePiece;

namespace Vitrine.Inputs.Tokenizers;

/// <summary>Finds the file that a folder's tokenizer is in, and reads it by its kind.</summary>
internal static class TokenizerFile
{
    private const long LargestFile = 1L << 30;
    private static readonly string[] Names = ["tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"];

    public static Tokenizer Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var file = Directory.Exists(path) ? Find(path) : path;
        var bytes = Bytes(file);
        if (file.EndsWith(".model", StringComparison.OrdinalIgnoreCase))
        {
            return SentencePieceTokenizer.Of(SentencePieceFile.Read(bytes, file), file);
        }

        try
        {
            using var json = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 64 });
            return TokenizerJson.Read(json.RootElement, file);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new VitrineException($"{file}: is no tokenizer.json ({e.Message}).", e);
        }
    }

    private static string Find(string folder)
    {
        var found = Names.Select(n => Path.Combine(folder, n)).FirstOrDefault(File.Exists)
            ?? Directory.EnumerateFiles(folder, "*.model").Order(StringComparer.Ordinal).FirstOrDefault();
        return found ?? throw new VitrineException($"{folder}: has no tokenizer; expected {string.Join(", ", Names)} or another .model file.");
    }

    private static byte[] Bytes(string file)
    {
        try
        {
            return new FileInfo(file).Length <= LargestFile
                ? File.ReadAllBytes(file)
                : throw new VitrineException($"{file}: is larger than {LargestFile >> 20} MiB, so it is no tokenizer.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{file}: cannot be read ({e.Message}).", e);
        }
    }
}
