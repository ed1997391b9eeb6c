using System.Text.Json;
using Vitrine.Mechanisms.ValueVectors;

namespace Vitrine.Tests.Mechanisms;

public sealed class ProjectionFolderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("vitrine-projection-").FullName;
    private readonly RandomVectors source = RandomVectors.Draw(1, 3, 12, 200, 8);

    private static ProjectionSettings Settings => new() { Count = 5 };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Parquet_files_read_back_as_they_were_written()
    {
        var kept = ProjectionFolder.Open(folder, source, Settings);
        (await kept.RunAsync(id => $"t{id}", cancellation: Token)).ShouldBe([0, 1, 2]);
        for (var layer = 0; layer < 3; layer++)
        {
            ProjectionTests.Same(await kept.ReadAsync(layer, Token), VocabularyProjection.Read(source, [layer], Settings, cancellation: Token)[0]);
        }
    }

    [Fact]
    public async Task An_interrupted_run_goes_on_where_it_stopped()
    {
        using var stop = new CancellationTokenSource();
        var interrupted = ProjectionFolder.Open(folder, source, Settings);
        await Should.ThrowAsync<OperationCanceledException>(() => interrupted.RunAsync(id => $"t{id}", progress: new Direct(share =>
        {
            if (share > 0.4)
            {
                stop.Cancel();
            }
        }), cancellation: stop.Token));
        var kept = ProjectionFolder.Open(folder, source, Settings);
        int[] before = [.. kept.Finished(ProjectionForms.Parquet)];
        before.ShouldNotBeEmpty();
        before.Length.ShouldBeLessThan(3);
        var stamp = File.GetLastWriteTimeUtc(Path.Combine(folder, "layer-000.parquet"));
        (await kept.RunAsync(id => $"t{id}", cancellation: Token)).ShouldBe(Enumerable.Range(0, 3).Except(before));
        File.GetLastWriteTimeUtc(Path.Combine(folder, "layer-000.parquet")).ShouldBe(stamp, "a finished layer is not read again");
    }

    [Fact]
    public void A_folder_of_another_model_or_other_settings_is_refused()
    {
        ProjectionFolder.Open(folder, source, Settings);
        Should.Throw<VitrineException>(() => ProjectionFolder.Open(folder, source,
            Settings with { Norm = ReadingNorm.Gain })).Message.ShouldContain("settings");
        Should.Throw<VitrineException>(() => ProjectionFolder.Open(folder, source,
            Settings with { Tokens = [1, 2, 3, 4, 5, 6] })).Message.ShouldContain("settings");
        using var other = new RandomVectors([source.Vectors(0), source.Vectors(1), source.Vectors(2)], source.Unembedding(), "another");
        Should.Throw<VitrineException>(() => ProjectionFolder.Open(folder, other, Settings)).Message.ShouldContain("fingerprint");
        File.WriteAllText(Path.Combine(folder, "projection.json"), "[1");
        Should.Throw<VitrineException>(() => ProjectionFolder.Open(folder, source, Settings)).Message.ShouldContain("projection.json");
    }

    [Fact]
    public async Task Json_lines_carry_the_fingerprint_and_a_line_for_each_neuron()
    {
        await ProjectionFolder.Open(folder, source, Settings).RunAsync(id => $"t{id}", ProjectionForms.JsonLines, [2], cancellation: Token);
        var lines = await File.ReadAllLinesAsync(Path.Combine(folder, "layer-002.jsonl"), Token);
        lines.Length.ShouldBe(13);
        lines[0].ShouldContain("\"fingerprint\":\"random\"");
        using var line = JsonDocument.Parse(lines[4]);
        line.RootElement.GetProperty("neuron").GetInt32().ShouldBe(3);
        var expected = VocabularyProjection.Read(source, [2], Settings, cancellation: Token)[0][3];
        line.RootElement.GetProperty("top_ids").EnumerateArray().Select(i => i.GetInt32()).ShouldBe(expected.TopIds);
        line.RootElement.GetProperty("top").EnumerateArray().Select(i => i.GetString()).ShouldBe(expected.TopIds.Select(i => $"t{i}"));
    }

    [Fact]
    public async Task A_file_that_is_none_is_refused_by_name()
    {
        var path = Path.Combine(folder, "layer-000.parquet");
        await File.WriteAllTextAsync(path, "PAR0 nonsense that is long enough to be looked at", Token);
        (await Should.ThrowAsync<VitrineException>(() => ProjectionFile.ReadParquetAsync(path, Token))).Message.ShouldContain("layer-000.parquet");
    }

    public void Dispose()
    {
        source.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private sealed class Direct(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}
