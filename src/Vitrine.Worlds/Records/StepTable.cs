using System.Globalization;
using Vitrine.Checkpoints;
using Vitrine.Mechanisms.ValueVectors;
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
    private const string Step = "step", Instruction = "instruction", Cameras = "cameras", State = "state", ActionPrefix = "action.", Chunk = "chunk",
        Normalised = "normalised", Tokens = "tokens", Noise = "noise_seed", Batch = "batch", Plan = "plan", Edited = "edited", X = "x", Y = "y", Z = "z",
        Measures = "measures", Readings = "readings", Seconds = "seconds";

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

        var table = new ParquetTable();
        table.Values(Step, steps.Select(s => s.Step));
        table.Texts(Instruction, steps.Select(s => s.Instruction));
        table.Texts(Cameras, steps.Select(s => RecordJson.Write(s.Cameras)));
        table.Texts(State, steps.Select(s => s.State.Count == 0 ? "" : RecordJson.Write(s.State)));
        foreach (var (d, name) in ActionColumns(names, width).Index())
        {
            table.Values(name, steps.Select(s => s.Action[d]));
        }

        table.Texts(Chunk, steps.Select(s => s.Chunk is null ? "" : RecordJson.Write(s.Chunk)));
        table.Texts(Normalised, steps.Select(s => s.Normalised is null ? "" : RecordJson.Write(s.Normalised)));
        table.Texts(Tokens, steps.Select(s => s.Tokens.Count == 0 ? "" : RecordJson.Write(s.Tokens)));
        table.Texts(Noise, steps.Select(s => s.NoiseSeed?.ToString(CultureInfo.InvariantCulture) ?? ""));
        table.Values(Batch, steps.Select(s => s.Batch));
        table.Texts(Plan, steps.Select(s => s.Plan ?? ""));
        table.Values(Edited, steps.Select(s => s.IsEdited));
        table.Values(X, steps.Select(s => s.Gripper?.X ?? double.NaN));
        table.Values(Y, steps.Select(s => s.Gripper?.Y ?? double.NaN));
        table.Values(Z, steps.Select(s => s.Gripper?.Z ?? double.NaN));
        table.Texts(Measures, steps.Select(s => s.Measures.Count == 0 ? "" : RecordJson.Write(s.Measures)));
        table.Texts(Readings, steps.Select(s => s.Readings.Count == 0 ? "" : RecordJson.Write(s.Readings)));
        table.Values(Seconds, steps.Select(s => s.Seconds ?? double.NaN));
        AtomicFile.WriteAllBytes(path, await table.ToBytesAsync().ConfigureAwait(false));
    }

    /// <exception cref="VitrineException">It is no such table; the column is named.</exception>
    public static async Task<IReadOnlyList<RecordedStep>> ReadAsync(string path, IReadOnlyList<string> names)
    {
        var columns = await ParquetColumns.OpenAsync(path).ConfigureAwait(false);
        await using (columns.ConfigureAwait(false))
        {
            var steps = await columns.ValuesAsync<int>(Step).ConfigureAwait(false);
            var width = columns.Names.Count(n => n.StartsWith(ActionPrefix, StringComparison.Ordinal));
            var actions = new List<double[]>();
            foreach (var name in ActionColumns(names, width))
            {
                actions.Add(await Numbers(name).ConfigureAwait(false));
            }

            var (instructions, cameras) = (await Texts(Instruction).ConfigureAwait(false), await Texts(Cameras).ConfigureAwait(false));
            var (states, chunks) = (await Texts(State).ConfigureAwait(false), await Texts(Chunk).ConfigureAwait(false));
            var (normalised, tokens) = (await Texts(Normalised).ConfigureAwait(false), await Texts(Tokens).ConfigureAwait(false));
            var (noises, plans) = (await Texts(Noise).ConfigureAwait(false), await Texts(Plan).ConfigureAwait(false));
            var (measures, readings) = (await Texts(Measures).ConfigureAwait(false), await Texts(Readings).ConfigureAwait(false));
            var (x, y) = (await Numbers(X).ConfigureAwait(false), await Numbers(Y).ConfigureAwait(false));
            var (z, seconds) = (await Numbers(Z).ConfigureAwait(false), await Numbers(Seconds).ConfigureAwait(false));
            var edited = await columns.ValuesAsync<bool>(Edited).ConfigureAwait(false);
            var batches = await columns.ValuesAsync<int>(Batch).ConfigureAwait(false);
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

            Task<string[]> Texts(string column) => columns.TextsAsync(column);

            Task<double[]> Numbers(string column) => columns.ValuesAsync<double>(column);

            T? Read<T>(string text, int row, string column) where T : class
                => text.Length == 0 ? null : RecordJson.Read<T>(text, $"{path}: row {row}, column '{column}'");

            long? Seed(string text, int row) => text.Length == 0 ? null
                : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seed) ? seed
                : throw new VitrineException($"{path}: row {row}, column '{Noise}': '{text}' is no whole number.");
        }
    }

    /// <remarks>Names as the policy has them where there are as many and no two alike; else numbers from 0.</remarks>
    private static string[] ActionColumns(IReadOnlyList<string> names, int width)
        => [.. Enumerable.Range(0, width).Select(d
            => ActionPrefix + (names.Count == width && names.Distinct().Count() == width ? names[d] : d.ToString(CultureInfo.InvariantCulture)))];
}
