using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>How far a long search has come, so that it can be gone on with: of the edges in their order, what was found of the first.</summary>
/// <param name="Of">What is searched, in a hash: model, inputs, metric, method and what goes with it.</param>
/// <param name="Found">Exact scores, or 1 for an edge that stays and 0 for one that was cut.</param>
public sealed record CircuitWork(string Of, IReadOnlyList<double> Found)
{
    /// <summary>Nothing found yet.</summary>
    internal static CircuitWork New(string of) => new(of, []);

    /// <summary>What a file has of a search; nothing where there is no file.</summary>
    /// <param name="path">Null for none.</param>
    /// <param name="of">What is searched.</param>
    /// <exception cref="VitrineException">The file is of another search, or none.</exception>
    internal static CircuitWork Resume(string? path, string of)
    {
        if (path is null || !File.Exists(path))
        {
            return New(of);
        }

        try
        {
            var work = JsonSerializer.Deserialize(File.ReadAllText(path), CircuitJsonContext.Default.CircuitWork);
            return work?.Of == of
                ? work
                : throw new VitrineException($"{path}: is of another search (other weights, inputs, metric or method); name another file or delete it.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new VitrineException($"{path}: is no search to go on with ({e.Message}).", e);
        }
    }

    /// <summary>Writes it; nothing where there is no file.</summary>
    internal void Save(string? path)
    {
        if (path is not null)
        {
            AtomicFile.WriteAllText(path, JsonSerializer.Serialize(this, CircuitJsonContext.Default.CircuitWork));
        }
    }

    /// <summary>What tells one search from others.</summary>
    internal static string Key(CircuitPair pair, EdgeAxis axis, params IEnumerable<string> further)
    {
        var text = new StringBuilder(pair.Clean.Model.Fingerprint).Append('\n').Append(pair.Metric.ToJson()).Append('\n').Append(axis);
        foreach (var part in further.Concat(new[] { pair.Clean, pair.Corrupted }.SelectMany(s => s.Tokens.Select(row => string.Join('\u001f', row)))))
        {
            text.Append('\n').Append(part);
        }

        foreach (var value in pair.CleanValues.Concat(pair.CorruptedValues))
        {
            text.Append('\n').Append(value.ToString("r", System.Globalization.CultureInfo.InvariantCulture));
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
