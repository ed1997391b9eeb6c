using Parquet;
using Parquet.Meta;
using Parquet.Schema;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Flat columns of a Parquet file, each of exactly the type asked for and with a value in every row.</summary>
/// <remarks>
/// Low level on purpose: the library's object serializer drops nulls of lists and moves the elements after them. A column of a type that the library lacks
/// (FLOAT16 in 6.1.0) makes it refuse the whole file without a name; here the column is named.
/// </remarks>
internal sealed class ParquetColumns : IAsyncDisposable
{
    private readonly ParquetReader reader;
    private readonly string path;
    private readonly Dictionary<string, DataField> fields;

    private ParquetColumns(ParquetReader reader, string path, Dictionary<string, DataField> fields)
        => (this.reader, this.path, this.fields) = (reader, path, fields);

    /// <summary>Names of the columns.</summary>
    public IReadOnlyCollection<string> Names => fields.Keys;

    /// <summary>Opens a file.</summary>
    /// <exception cref="VitrineException">It is no Parquet file, or has a column of a type that cannot be read.</exception>
    public static async Task<ParquetColumns> OpenAsync(string path, CancellationToken cancellation = default)
    {
        ParquetReader? reader = null;
        try
        {
            reader = await ParquetReader.CreateAsync(path, cancellationToken: cancellation).ConfigureAwait(false);
            return new(reader, path, reader.Schema.GetDataFields().ToDictionary(f => f.Path.ToString()));
        }
        catch (Exception e) when (e is IOException or InvalidDataException or ParquetException or UnauthorizedAccessException or NotSupportedException)
        {
            var unread = reader?.Metadata?.Schema.FirstOrDefault(s => TypeWithoutReader(s) is not null);
            if (reader is not null)
            {
                await reader.DisposeAsync().ConfigureAwait(false);
            }

            throw new VitrineException(
                unread is null
                    ? $"{path}: is no Parquet file that can be read ({e.Message})."
                    : $"{path}: column '{unread.Name}' is of type {TypeWithoutReader(unread)}, which is not read; write it as FLOAT or as INT32.",
                e);
        }
    }

    /// <summary>A column of 32-bit integers.</summary>
    /// <exception cref="VitrineException">There is none of this name, or it is of another type, or a row has no value.</exception>
    public Task<int[]> IntegersAsync(string name, CancellationToken cancellation) => ValuesAsync<int>(name, cancellation);

    /// <summary>A column of 32-bit floats.</summary>
    /// <exception cref="VitrineException">There is none of this name, or it is of another type, or a row has no value.</exception>
    public Task<float[]> NumbersAsync(string name, CancellationToken cancellation) => ValuesAsync<float>(name, cancellation);

    /// <summary>A column of texts.</summary>
    /// <exception cref="VitrineException">There is none of this name, or it is of another type, or a row has no value.</exception>
    public Task<string[]> TextsAsync(string name, CancellationToken cancellation = default)
        => ColumnAsync<string>(name, async (group, field, count) =>
        {
            var texts = new string?[count];
            await group.ReadAsync(field, texts.AsMemory(), cancellationToken: cancellation).ConfigureAwait(false);
            return texts;
        });

    /// <summary>A column of numbers or truths.</summary>
    /// <exception cref="VitrineException">There is none of this name, or it is of another type, or a row has no value.</exception>
    public async Task<T[]> ValuesAsync<T>(string name, CancellationToken cancellation = default)
        where T : struct
    {
        var read = await ColumnAsync<T?>(name, async (group, field, count) =>
        {
            var values = new T?[count];
            if (field.IsNullable)
            {
                await group.ReadAsync(field, values.AsMemory(), cancellationToken: cancellation).ConfigureAwait(false);
                return values;
            }

            var plain = new T[count];
            await group.ReadAsync<T>(field, plain.AsMemory(), cancellationToken: cancellation).ConfigureAwait(false);
            return Array.ConvertAll(plain, v => (T?)v);
        }).ConfigureAwait(false);
        return Array.ConvertAll(read, v => v!.Value);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => reader.DisposeAsync();

    private async Task<T[]> ColumnAsync<T>(string name, Func<ParquetRowGroupReader, DataField, int, Task<T?[]>> read)
    {
        var wanted = Printed(Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T));
        if (!fields.TryGetValue(name, out var field))
        {
            var list = fields.Keys.FirstOrDefault(f => f.StartsWith(name + "/", StringComparison.Ordinal));
            throw new VitrineException(list is null
                ? $"{path}: has no column '{name}' (it has {string.Join(", ", fields.Keys)})."
                : $"{path}: column '{name}' holds lists or groups ({list}), and one {wanted} a row is expected.");
        }

        if (Printed(field.ClrType) is var held && (held != wanted || field.MaxRepetitionLevel > 0))
        {
            var what = field.MaxRepetitionLevel > 0 ? $"lists of {held}" : held;
            throw new VitrineException($"{path}: column '{name}' holds {what}, and one {wanted} a row is expected.");
        }

        var all = new List<T>();
        for (var g = 0; g < reader.RowGroupCount; g++)
        {
            using var group = reader.OpenRowGroupReader(g);
            foreach (var value in await read(group, field, checked((int)group.RowCount)).ConfigureAwait(false))
            {
                all.Add(value ?? throw new VitrineException($"{path}: column '{name}' has no value in row {all.Count} (from 0)."));
            }
        }

        return [.. all];
    }

    /// <remarks>The library reads texts as memory of characters.</remarks>
    private static string Printed(System.Type type)
        => type == typeof(string) || type == typeof(ReadOnlyMemory<char>) ? "text"
            : type == typeof(int) ? "int32"
            : type == typeof(float) ? "float32"
            : type == typeof(double) ? "float64"
            : type.Name;

    private static string? TypeWithoutReader(SchemaElement element) => element.LogicalType switch
    {
        { FLOAT16: not null } => "FLOAT16",
        { VARIANT: not null } => "VARIANT",
        { GEOMETRY: not null } => "GEOMETRY",
        { GEOGRAPHY: not null } => "GEOGRAPHY",
        _ => null,
    };
}
