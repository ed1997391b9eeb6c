using System.Globalization;
using Parquet;
using Parquet.Schema;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Worlds.Monitors;
using Vitrine.Worlds.Studies;

namespace Vitrine.Worlds.Records;

/// <summary>Steps of a finished record as a Parquet table, a row a step.</summary>
/// <remarks>
/// Columns: <c>step, instruction, cameras, state, action.NAME ..., chunk, normalised, tokens, noise_seed, batch, plan, edited, x, y, z, measures, readings,
/// seconds</c>. Lists and objects are JSON texts, which DuckDB casts (<c>chunk::DOUBLE[][]</c>); a text is empty and a number NaN where there is nothing.
/// Numbers are written so that the same bits come back.
/// </remarks>
internal static class StepTable
{
    private static readonly DataField<int> Step = new("step"), Batch = new("batch");

    private static readonly DataField<string> Instruction = new("instruction"), Cameras = new("cameras"), State = new("state"), Chunk = new("chunk"),
        Normalised = new("normalised"), Tokens = new("tokens"), Noise = new("noise_seed"), Plan = new("plan"), Measures = new("measures"),
        Readings = new("readings");

    private static readonly DataField<bool> Edited = new("edited");

    private static readonly DataField<double> X = new("x"), Y = new("y"), Z = new("z"), Seconds = new("seconds");

    /// <param name="path">The file; never half-written.</param>
    /// <param name="steps">In order.</param>
    /// <param name="names">Of an action's numbers.</param>
    /// <exception cref="VitrineException">The actions are of different lengths, or the file cannot be written.</exception>
    public static async Task WriteAsync(string path, IReadOnlyList<RecordedStep> steps, IReadOnlyList<string> names)
    {
        var width = steps.Count == 0 ? names.Count : steps[0].Action.Count;
        if (steps.FirstOrDefault(s => s.Action.Count != width) is { } odd)
        {
            throw new VitrineException($"{path}: the action of step {odd.Step} has {odd.Action.Count} numbers; that of step 0 has {width}.");
        }

        var actions = ActionColumns(names, width);
        var schema = new ParquetSchema([Step, Instruction, Cameras, State, .. actions, Chunk, Normalised, Tokens, Noise, Batch, Plan, Edited, X, Y, Z, Measures,
            Readings, Seconds]);
        using var stream = new MemoryStream();
        var writer = await ParquetWriter.CreateAsync(schema, stream).ConfigureAwait(false);
        await using (writer.ConfigureAwait(false))
        {
            using var group = writer.CreateRowGroup();
            await Integers(Step, s => s.Step).ConfigureAwait(false);
            await Texts(Instruction, s => s.Instruction).ConfigureAwait(false);
            await Texts(Cameras, s => RecordJson.Write(s.Cameras)).ConfigureAwait(false);
            await Texts(State, s => s.State.Count == 0 ? "" : RecordJson.Write(s.State)).ConfigureAwait(false);
            foreach (var (d, field) in actions.Index())
            {
                await Numbers(field, s => s.Action[d]).ConfigureAwait(false);
            }

            await Texts(Chunk, s => s.Chunk is null ? "" : RecordJson.Write(s.Chunk)).ConfigureAwait(false);
            await Texts(Normalised, s => s.Normalised is null ? "" : RecordJson.Write(s.Normalised)).ConfigureAwait(false);
            await Texts(Tokens, s => s.Tokens.Count == 0 ? "" : RecordJson.Write(s.Tokens)).ConfigureAwait(false);
            await Texts(Noise, s => s.NoiseSeed?.ToString(CultureInfo.InvariantCulture) ?? "").ConfigureAwait(false);
            await Integers(Batch, s => s.Batch).ConfigureAwait(false);
            await Texts(Plan, s => s.Plan ?? "").ConfigureAwait(false);
            await group.WriteAsync<bool>(Edited, steps.Select(s => s.IsEdited).ToArray()).ConfigureAwait(false);
            await Numbers(X, s => s.Gripper?.X ?? double.NaN).ConfigureAwait(false);
            await Numbers(Y, s => s.Gripper?.Y ?? double.NaN).ConfigureAwait(false);
            await Numbers(Z, s => s.Gripper?.Z ?? double.NaN).ConfigureAwait(false);
            await Texts(Measures, s => s.Measures.Count == 0 ? "" : RecordJson.Write(s.Measures)).ConfigureAwait(false);
            await Texts(Readings, s => s.Readings.Count == 0 ? "" : RecordJson.Write(s.Readings)).ConfigureAwait(false);
            await Numbers(Seconds, s => s.Seconds ?? double.NaN).ConfigureAwait(false);

            Task Integers(DataField field, Func<RecordedStep, int> of) => group.WriteAsync<int>(field, steps.Select(of).ToArray());

            Task Numbers(DataField field, Func<RecordedStep, double> of) => group.WriteAsync<double>(field, steps.Select(of).ToArray());

            Task Texts(DataField field, Func<RecordedStep, string> of) => group.WriteAsync(field, steps.Select(of).ToArray());
        }

        AtomicFile.WriteAllBytes(path, stream.ToArray());
    }

    /// <exception cref="VitrineException">It is no such table; the column is named.</exception>
    public static async Task<IReadOnlyList<RecordedStep>> ReadAsync(string path, IReadOnlyList<string> names)
    {
        var columns = await TableColumns.OpenAsync(path).ConfigureAwait(false);
        await using (columns.ConfigureAwait(false))
        {
            var steps = await columns.ReadAsync<int>(Step.Name).ConfigureAwait(false);
            var width = columns.Names.Count(n => n.StartsWith(ActionPrefix, StringComparison.Ordinal));
            var actions = new List<double[]>();
            foreach (var field in ActionColumns(names, width))
            {
                actions.Add(await columns.ReadAsync<double>(field.Name).ConfigureAwait(false));
            }

            var (instructions, cameras) = (await Texts(Instruction).ConfigureAwait(false), await Texts(Cameras).ConfigureAwait(false));
            var (states, chunks) = (await Texts(State).ConfigureAwait(false), await Texts(Chunk).ConfigureAwait(false));
            var (normalised, tokens) = (await Texts(Normalised).ConfigureAwait(false), await Texts(Tokens).ConfigureAwait(false));
            var (noises, plans) = (await Texts(Noise).ConfigureAwait(false), await Texts(Plan).ConfigureAwait(false));
            var (measures, readings) = (await Texts(Measures).ConfigureAwait(false), await Texts(Readings).ConfigureAwait(false));
            var (x, y) = (await Numbers(X).ConfigureAwait(false), await Numbers(Y).ConfigureAwait(false));
            var (z, seconds) = (await Numbers(Z).ConfigureAwait(false), await Numbers(Seconds).ConfigureAwait(false));
            var edited = await columns.ReadAsync<bool>(Edited.Name).ConfigureAwait(false);
            var batches = await columns.ReadAsync<int>(Batch.Name).ConfigureAwait(false);
            return
            [
                .. steps.Select((step, i) => step == i
                    ? new RecordedStep
                    {
                        Step = i,
                        Instruction = instructions[i],
                        Cameras = Read<IReadOnlyList<string>>(cameras[i], i, Cameras) ?? [],
                        State = Read<IReadOnlyDictionary<string, StateVector>>(states[i], i, State)!,
                        Action = [.. actions.Select(a => a[i])],
                        Chunk = Read<IReadOnlyList<IReadOnlyList<double>>>(chunks[i], i, Chunk),
                        Normalised = Read<IReadOnlyList<IReadOnlyList<double>>>(normalised[i], i, Normalised),
                        Tokens = Read<IReadOnlyList<int>>(tokens[i], i, Tokens) ?? [],
                        NoiseSeed = Seed(noises[i], i),
                        Batch = batches[i],
                        Plan = plans[i].Length == 0 ? null : plans[i],
                        IsEdited = edited[i],
                        Gripper = double.IsNaN(x[i]) ? null : new Position(x[i], y[i], z[i]),
                        Measures = Read<IReadOnlyDictionary<string, double>>(measures[i], i, Measures)!,
                        Readings = Read<IReadOnlyList<MonitorReading>>(readings[i], i, Readings) ?? [],
                        Seconds = double.IsNaN(seconds[i]) ? null : seconds[i],
                    }
                    : throw new VitrineException($"{path}: row {i} is of step {step}; expected {i}.")),
            ];

            Task<string[]> Texts(DataField field) => columns.ReadTextsAsync(field.Name);

            Task<double[]> Numbers(DataField field) => columns.ReadAsync<double>(field.Name);

            T? Read<T>(string text, int row, DataField field) where T : class
                => text.Length == 0 ? null : RecordJson.Read<T>(text, $"{path}: row {row}, column '{field.Name}'");

            long? Seed(string text, int row) => text.Length == 0 ? null
                : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seed) ? seed
                : throw new VitrineException($"{path}: row {row}, column '{Noise.Name}': '{text}' is no whole number.");
        }
    }

    private const string ActionPrefix = "action.";

    /// <remarks>Names as the policy has them where there are as many and no two alike; else numbers from 0.</remarks>
    private static DataField[] ActionColumns(IReadOnlyList<string> names, int width)
        => [.. Enumerable.Range(0, width).Select(d => new DataField<double>(
            ActionPrefix + (names.Count == width && names.Distinct().Count() == width ? names[d] : d.ToString(CultureInfo.InvariantCulture))))];
}
