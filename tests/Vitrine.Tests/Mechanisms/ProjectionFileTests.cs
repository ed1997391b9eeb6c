using Parquet;
using Parquet.Schema;
using Vitrine.Mechanisms.ValueVectors;

namespace Vitrine.Tests.Mechanisms;

/// <summary>Parquet files of readings that other tools wrote: read as they are, or refused by a line that names file and column.</summary>
public sealed class ProjectionFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("vitrine-parquet-").FullName;

    private string File => Path.Combine(folder, "layer-000.parquet");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rows_of_several_groups_in_any_order_are_the_same_readings()
    {
        await WriteAsync(
            [(1, "bottom", 0, 9, -1f), (0, "top", 1, 4, 2f), (0, "bottom", 0, 7, -3f)],
            [(1, "top", 0, 2, 8f), (1, "top", 1, 3, 7f), (0, "top", 0, 5, 6f)]);
        var read = await ProjectionFile.ReadParquetAsync(File, Token);
        read.Count.ShouldBe(2);
        Same(read[0], [5, 4], [6f, 2f], [7]);
        Same(read[1], [2, 3], [8f, 7f], [9]);
    }

    [Fact]
    public async Task A_column_in_float16_is_named()
    {
        // Written by Apache Parquet for C++ (ParquetSharp 25.0.1.2); Parquet.Net 6.1.0 refuses such a file without naming the column.
        var half = Path.Combine(Fixtures.Repository, "tests", "Vitrine.Tests", "Mechanisms", "float16-column.parquet");
        (await RefusalAsync(half)).ShouldBe($"{half}: column 'logit' is of type FLOAT16, which is not read; write it as FLOAT or as INT32.");
    }

    [Fact]
    public async Task A_column_of_another_type_is_named()
    {
        await WriteAsync(new ParquetSchema(
            new DataField<int>("neuron"), new DataField<int>("rank"), new DataField<int>("token_id"), new DataField<double>("logit"),
            new DataField<string>("end")), async (group, fields) =>
        {
            await Integers(group, fields, 3);
            await group.WriteAsync<double>(fields[3], new double[] { 1 }, cancellationToken: Token);
            await group.WriteAsync(fields[4], new[] { "top" });
        });
        (await RefusalAsync(File)).ShouldBe($"{File}: column 'logit' holds float64, and one float32 a row is expected.");
    }

    [Fact]
    public async Task A_row_without_a_value_is_named_and_moves_no_other()
    {
        await WriteAsync(new ParquetSchema(
            new DataField<int>("neuron"), new DataField<int>("rank"), new DataField<int>("token_id"), new DataField<float?>("logit"),
            new DataField<string>("end")), async (group, fields) =>
        {
            await Integers(group, fields, 3, [0, 1, 2]);
            await group.WriteAsync<float>(fields[3], new float?[] { 1, null, 3 }, cancellationToken: Token);
            await group.WriteAsync(fields[4], new[] { "top", "top", "top" });
        });
        (await RefusalAsync(File)).ShouldBe($"{File}: column 'logit' has no value in row 1 (from 0).");
    }

    [Fact]
    public async Task A_nullable_column_whose_rows_all_have_a_value_is_read()
    {
        await WriteAsync(new ParquetSchema(
            new DataField<int>("neuron"), new DataField<int>("rank"), new DataField<int>("token_id"), new DataField<float?>("logit"),
            new DataField<string>("end")), async (group, fields) =>
        {
            await Integers(group, fields, 3, [0, 1]);
            await group.WriteAsync<float>(fields[3], new float?[] { 4, 3 }, cancellationToken: Token);
            await group.WriteAsync(fields[4], new[] { "top", "top" });
        });
        (await ProjectionFile.ReadParquetAsync(File, Token))[0].TopScores.ShouldBe([4f, 3f]);
    }

    [Fact]
    public async Task A_column_of_lists_is_named()
    {
        await WriteAsync(new ParquetSchema(
            new DataField<int>("neuron"), new DataField<int>("rank"), new DataField<int>("token_id"), new DataField<string>("end"),
            new ListField("logit", new DataField<float?>("element"))), async (group, fields) =>
        {
            await Integers(group, fields, 3);
            await group.WriteAsync(fields[3], new[] { "top" });
            await group.WriteAsync<float>(fields[4], new float?[] { 1, null, 3 }, new[] { 0, 1, 1 }, cancellationToken: Token);
        });
        (await RefusalAsync(File)).ShouldContain($"{File}: column 'logit' holds lists");
    }

    [Fact]
    public async Task A_missing_column_and_a_missing_neuron_are_named()
    {
        await WriteAsync(new ParquetSchema(new DataField<int>("neuron"), new DataField<int>("rank")), (group, fields) => Integers(group, fields, 2));
        (await RefusalAsync(File)).ShouldBe($"{File}: has no column 'token_id' (it has neuron, rank).");
        await WriteAsync([(0, "top", 0, 5, 1f), (2, "top", 0, 5, 1f)]);
        (await RefusalAsync(File)).ShouldBe($"{File}: has no rows of neuron 1.");
        await WriteAsync([(0, "top", 0, 5, 1f), (0, "top", 2, 5, 1f)]);
        (await RefusalAsync(File)).ShouldContain("neuron 0");
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static void Same(NeuronReading read, int[] top, float[] scores, int[] bottom)
    {
        read.TopIds.ShouldBe(top);
        read.TopScores.ShouldBe(scores);
        read.BottomIds.ShouldBe(bottom);
    }

    private static async Task<string> RefusalAsync(string path)
        => (await Should.ThrowAsync<VitrineException>(() => ProjectionFile.ReadParquetAsync(path, Token))).Message;

    private static async Task Integers(ParquetRowGroupWriter group, DataField[] fields, int columns, int[]? ranks = null)
    {
        ranks ??= [0];
        for (var i = 0; i < columns; i++)
        {
            await group.WriteAsync<int>(fields[i], i == 1 ? ranks : new int[ranks.Length], cancellationToken: Token);
        }
    }

    private Task WriteAsync(params (int Neuron, string End, int Rank, int Id, float Logit)[][] groups)
        => WriteAsync(
            new ParquetSchema(
                new DataField<int>("neuron"), new DataField<int>("rank"), new DataField<int>("token_id"), new DataField<float>("logit"),
                new DataField<string>("end")),
            [.. groups.Select(rows => (Func<ParquetRowGroupWriter, DataField[], Task>)(async (group, fields) =>
            {
                await group.WriteAsync<int>(fields[0], Array.ConvertAll(rows, r => r.Neuron), cancellationToken: Token);
                await group.WriteAsync<int>(fields[1], Array.ConvertAll(rows, r => r.Rank), cancellationToken: Token);
                await group.WriteAsync<int>(fields[2], Array.ConvertAll(rows, r => r.Id), cancellationToken: Token);
                await group.WriteAsync<float>(fields[3], Array.ConvertAll(rows, r => r.Logit), cancellationToken: Token);
                await group.WriteAsync(fields[4], Array.ConvertAll(rows, r => r.End));
            }))]);

    private async Task WriteAsync(ParquetSchema schema, params Func<ParquetRowGroupWriter, DataField[], Task>[] groups)
    {
        using var stream = System.IO.File.Create(File);
        await using var writer = await ParquetWriter.CreateAsync(schema, stream, cancellationToken: Token);
        foreach (var write in groups)
        {
            using var group = writer.CreateRowGroup();
            await write(group, schema.GetDataFields());
        }
    }
}
