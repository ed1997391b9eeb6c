using Parquet;
using Parquet.Schema;

namespace Vitrine.Worlds;

/// <summary>Columns as they are added, in one row group.</summary>
internal sealed class ParquetTable
{
    private readonly List<DataField> fields = [];
    private readonly List<Func<ParquetRowGroupWriter, CancellationToken, Task>> columns = [];

    /// <summary>Adds texts.</summary>
    public void Texts(string name, IEnumerable<string?> values)
    {
        var (field, all) = (new DataField<string>(name), values.ToArray());
        Add(field, (group, _) => group.WriteAsync(field, all!));
    }

    /// <summary>Adds values, one in every row.</summary>
    public void Values<T>(string name, IEnumerable<T> values)
        where T : struct
    {
        var (field, all) = (new DataField<T>(name), values.ToArray());
        Add(field, (group, cancellation) => group.WriteAsync<T>(field, all, cancellationToken: cancellation));
    }

    /// <summary>Adds numbers that some rows lack.</summary>
    public void Maybe(string name, IEnumerable<double?> values)
    {
        var (field, all) = (new DataField<double?>(name), values.ToArray());
        Add(field, (group, cancellation) => group.WriteAsync<double>(field, all, cancellationToken: cancellation));
    }

    /// <summary>The file.</summary>
    /// <param name="about">What the file says of itself; nothing when null.</param>
    /// <param name="cancellation">Stops between columns.</param>
    public async Task<byte[]> ToBytesAsync(Dictionary<string, string>? about = null, CancellationToken cancellation = default)
    {
        using var stream = new MemoryStream();
        var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), stream, cancellationToken: cancellation).ConfigureAwait(false);
        await using (writer.ConfigureAwait(false))
        {
            if (about is not null)
            {
                writer.CustomMetadata = about;
            }

            using var group = writer.CreateRowGroup();
            foreach (var column in columns)
            {
                await column(group, cancellation).ConfigureAwait(false);
            }
        }

        return stream.ToArray();
    }

    private void Add(DataField field, Func<ParquetRowGroupWriter, CancellationToken, Task> write)
    {
        fields.Add(field);
        columns.Add(write);
    }
}
