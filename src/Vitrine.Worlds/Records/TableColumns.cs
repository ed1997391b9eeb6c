using Parquet;
using Parquet.Schema;

namespace Vitrine.Worlds.Records;

/// <summary>Columns of a Parquet file that has a value in every row.</summary>
internal sealed class TableColumns : IAsyncDisposable
{
    private readonly ParquetReader reader;
    private readonly string path;
    private readonly Dictionary<string, DataField> fields;

    private TableColumns(ParquetReader reader, string path, Dictionary<string, DataField> fields)
        => (this.reader, this.path, this.fields) = (reader, path, fields);

    /// <summary>Names of the columns.</summary>
    public IReadOnlyCollection<string> Names => fields.Keys;

    /// <exception cref="VitrineException">It is no Parquet file.</exception>
    public static async Task<TableColumns> OpenAsync(string path)
    {
        try
        {
            var reader = await ParquetReader.CreateAsync(path).ConfigureAwait(false);
            return new(reader, path, reader.Schema.GetDataFields().ToDictionary(f => f.Name));
        }
        catch (Exception e) when (e is IOException or InvalidDataException or ParquetException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new VitrineException($"{path}: is no Parquet file that can be read ({e.Message}).", e);
        }
    }

    /// <exception cref="VitrineException">There is no such column, it is of another type, or a row has no value.</exception>
    public Task<T[]> ReadAsync<T>(string name) where T : struct => ReadAsync<T>(name, typeof(T), async (group, field, rows) =>
    {
        var values = new T[rows];
        await group.ReadAsync<T>(field, values.AsMemory()).ConfigureAwait(false);
        return values;
    });

    /// <exception cref="VitrineException">There is no such column, it is of another type, or a row has no value.</exception>
    public async Task<string[]> ReadTextsAsync(string name)
    {
        var read = await ReadAsync<string?>(name, typeof(string), async (group, field, rows) =>
        {
            var values = new string?[rows];
            await group.ReadAsync(field, values.AsMemory()).ConfigureAwait(false);
            return values;
        }).ConfigureAwait(false);
        return [.. read.Select((t, i) => t ?? throw new VitrineException($"{path}: column '{name}' has no value in row {i} (from 0)."))];
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => reader.DisposeAsync();

    private async Task<T[]> ReadAsync<T>(string name, Type type, Func<ParquetRowGroupReader, DataField, int, Task<T[]>> read)
    {
        if (!fields.TryGetValue(name, out var field))
        {
            throw new VitrineException($"{path}: has no column '{name}' (it has {string.Join(", ", fields.Keys)}).");
        }

        var isText = field.ClrType == typeof(string) || field.ClrType == typeof(ReadOnlyMemory<char>);
        if ((type == typeof(string) ? !isText : field.ClrType != type || field.IsNullable) || field.MaxRepetitionLevel > 0)
        {
            throw new VitrineException($"{path}: column '{name}' holds {field.ClrType.Name}; expected a {type.Name} in every row.");
        }

        var all = new List<T>();
        for (var g = 0; g < reader.RowGroupCount; g++)
        {
            using var group = reader.OpenRowGroupReader(g);
            all.AddRange(await read(group, field, checked((int)group.RowCount)).ConfigureAwait(false));
        }

        return [.. all];
    }
}
