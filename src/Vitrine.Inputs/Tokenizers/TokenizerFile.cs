using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Tokenizers.Companions;
using Vitrine.Inputs.Tokenizers.Json;
using Vitrine.Inputs.Tokenizers.SentencePiece;

namespace Vitrine.Inputs.Tokenizers;

/// <summary>Finds the file that a folder's tokenizer is in, and reads it by its kind, with those beside it.</summary>
internal static class TokenizerFile
{
    private const long LargestFile = 1L << 30;
    private static readonly string[] Names = ["tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"];

    public static Tokenizer Open(string path, TokenizerOptions options)
    {
        ArgumentNullException.ThrowIfNull(path);
        var isFolder = Directory.Exists(path);
        var file = isFolder ? Find(path) : path;
        var isAlone = options.Reference == TokenizerReference.Tokenizers;
        var files = isFolder && !isAlone ? FolderFiles.Read(path, options.Reference) : null;
        if (file.EndsWith(".model", StringComparison.OrdinalIgnoreCase))
        {
            var pieces = SentencePieceFile.Read(Bytes(file), file);
            return files is null ? SentencePieceTokenizer.Of(pieces, file) : SentencePieceFolder.Of(pieces, file, files);
        }

        try
        {
            var tokenizer = TokenizerJson.Read(Json(file), file, files);
            return isAlone ? tokenizer.With(tokenizer.SavedTruncation, tokenizer.SavedPadding) : tokenizer;
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or ArgumentException)
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

    private static JsonElement Json(string file)
    {
        try
        {
            return PythonJson.Parse(Bytes(file), file);
        }
        catch (VitrineException e) when (e.InnerException is JsonException inner)
        {
            throw new VitrineException($"{file}: is no tokenizer.json ({inner.Message.ReplaceLineEndings(" ")}).", inner);
        }
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
