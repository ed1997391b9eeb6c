using System.Globalization;
using System.Text.Json;
using Parquet;
using Parquet.Schema;
using Vitrine.Checkpoints;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>One layer's readings as a Parquet file or as JSON lines.</summary>
/// <remarks>
/// Parquet: a row for each neuron, end and rank with the columns <c>layer, neuron, end, rank, token_id, token, logit</c>; <c>end</c> is top or bottom,
/// <c>rank</c> counts from 0; fingerprint and settings
/// stand in the file's metadata. JSON lines: a line with fingerprint and settings, then one a neuron.
/// </remarks>
public static class ProjectionFile
{
    private static readonly ParquetSchema Schema = new(
        new DataField<int>("layer"), new DataField<int>("neuron"), new DataField<string>("end"), new DataField<int>("rank"),
        new DataField<int>("token_id"), new DataField<string>("token"), new DataField<float>("logit"));

    /// <summary>Writes a layer as Parquet.</summary>
    /// <param name="path">The file; never half-written.</param>
    /// <param name="layer">From 0.</param>
    /// <param name="neurons">Every neuron of it.</param>
    /// <param name="print">A token as people read it.</param>
    /// <param name="about">Fingerprint and settings.</param>
    /// <param name="cancellation">Stops between columns.</param>
    public static async Task WriteParquetAsync(
        string path, int layer, IReadOnlyList<NeuronReading> neurons, Func<int, string> print, IReadOnlyDictionary<string, string> about,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(neurons);
        ArgumentNullException.ThrowIfNull(print);
        var rows = neurons.SelectMany((n, i) => TopAndBottom(n)
            .SelectMany(e => e.Ids.Select((id, rank) => (Neuron: i, e.End, Rank: rank, Id: id, Logit: e.Scores[rank])))).ToArray();
        using var stream = new MemoryStream();
        var writer = await ParquetWriter.CreateAsync(Schema, stream, cancellationToken: cancellation).ConfigureAwait(false);
        await using (writer.ConfigureAwait(false))
        {
            writer.CustomMetadata = about.ToDictionary();
            using var group = writer.CreateRowGroup();
            var fields = Schema.GetDataFields();
            await group.WriteAsync<int>(fields[0], Array.ConvertAll(rows, _ => layer), cancellationToken: cancellation).ConfigureAwait(false);
            await group.WriteAsync<int>(fields[1], Array.ConvertAll(rows, r => r.Neuron), cancellationToken: cancellation).ConfigureAwait(false);
            await group.WriteAsync(fields[2], Array.ConvertAll(rows, r => r.End)).ConfigureAwait(false);
            await group.WriteAsync<int>(fields[3], Array.ConvertAll(rows, r => r.Rank), cancellationToken: cancellation).ConfigureAwait(false);
            await group.WriteAsync<int>(fields[4], Array.ConvertAll(rows, r => r.Id), cancellationToken: cancellation).ConfigureAwait(false);
            await group.WriteAsync(fields[5], Array.ConvertAll(rows, r => print(r.Id))).ConfigureAwait(false);
            await group.WriteAsync<float>(fields[6], Array.ConvertAll(rows, r => r.Logit), cancellationToken: cancellation).ConfigureAwait(false);
        }

        AtomicFile.WriteAllBytes(path, stream.ToArray());
    }

    /// <summary>Reads what <see cref="WriteParquetAsync"/> wrote, or the same rows as another tool wrote them again, in any order.</summary>
    /// <returns>A reading for each neuron, from 0.</returns>
    /// <exception cref="VitrineException">
    /// It is no such file: a column is missing, of another type or without a value in a row; or the rows of a neuron are missing.
    /// </exception>
    public static async Task<IReadOnlyList<NeuronReading>> ReadParquetAsync(string path, CancellationToken cancellation = default)
    {
        var columns = await ParquetColumns.OpenAsync(path, cancellation).ConfigureAwait(false);
        await using (columns.ConfigureAwait(false))
        {
            var neurons = await columns.IntegersAsync("neuron", cancellation).ConfigureAwait(false);
            var ranks = await columns.IntegersAsync("rank", cancellation).ConfigureAwait(false);
            var ids = await columns.IntegersAsync("token_id", cancellation).ConfigureAwait(false);
            var logits = await columns.NumbersAsync("logit", cancellation).ConfigureAwait(false);
            var ends = await columns.TextsAsync("end", cancellation).ConfigureAwait(false);
            var byNeuron = Enumerable.Range(0, neurons.Length).GroupBy(row => neurons[row]).OrderBy(g => g.Key).ToArray();
            var missing = Enumerable.Range(0, byNeuron.Length).FirstOrDefault(n => byNeuron[n].Key != n, -1);
            return missing < 0
                ? [.. byNeuron.Select(Reading)]
                : throw new VitrineException($"{path}: has no rows of neuron {missing}.");

            NeuronReading Reading(IGrouping<int, int> rows)
            {
                var (top, bottom) = (End(rows, "top"), End(rows, "bottom"));
                return top.Length + bottom.Length == rows.Count()
                    ? new([.. top.Select(r => ids[r])], [.. top.Select(r => logits[r])], [.. bottom.Select(r => ids[r])], [.. bottom.Select(r => logits[r])])
                    : throw new VitrineException($"{path}: column 'end' of neuron {rows.Key} holds more than 'top' and 'bottom', or a rank is missing.");
            }

            int[] End(IEnumerable<int> rows, string end)
            {
                int[] ranked = [.. rows.Where(r => ends[r] == end).OrderBy(r => ranks[r])];
                return ranked.Select(r => ranks[r]).SequenceEqual(Enumerable.Range(0, ranked.Length)) ? ranked : [];
            }
        }
    }

    /// <summary>Writes a layer as JSON lines.</summary>
    /// <param name="path">The file; never half-written.</param>
    /// <param name="layer">From 0.</param>
    /// <param name="neurons">Every neuron of it.</param>
    /// <param name="print">A token as people read it.</param>
    /// <param name="about">Fingerprint and settings.</param>
    public static void WriteJsonLines(
        string path, int layer, IReadOnlyList<NeuronReading> neurons, Func<int, string> print, IReadOnlyDictionary<string, string> about)
    {
        ArgumentNullException.ThrowIfNull(neurons);
        var lines = neurons.Select((n, i) => JsonSerializer.Serialize(
            new ProjectionLine(layer, i, n.TopIds.Select(print), n.TopIds, n.TopScores, n.BottomIds.Select(print), n.BottomIds, n.BottomScores),
            MechanismsJsonContext.Default.ProjectionLine));
        AtomicFile.WriteAllText(path, string.Join('\n', lines.Prepend(AboutAsJson(about))) + "\n");
    }

    /// <summary>Fingerprint and settings as JSON.</summary>
    internal static string AboutAsJson(IReadOnlyDictionary<string, string> about)
        => JsonSerializer.Serialize(about, MechanismsJsonContext.Default.IReadOnlyDictionaryStringString);

    /// <summary>Name of a layer's file.</summary>
    internal static string NameOf(int layer, string extension) => string.Create(CultureInfo.InvariantCulture, $"layer-{layer:000}.{extension}");

    private static IEnumerable<(string End, IReadOnlyList<int> Ids, IReadOnlyList<float> Scores)> TopAndBottom(NeuronReading n)
        => [("top", n.TopIds, n.TopScores), ("bottom", n.BottomIds, n.BottomScores)];
}
