using System.Security.Cryptography;
using System.Text;
using Vitrine.Mechanisms.Metrics;

namespace Vitrine.Mechanisms.Patching;

/// <summary>A sweep that was begun, as its file has it.</summary>
internal sealed record PatchProgress
{
    /// <summary>Hash of the weights.</summary>
    public required string Model { get; init; }

    /// <summary>Hash of the inputs.</summary>
    public required string Inputs { get; init; }

    public required string Method { get; init; }

    public required PatchSweep Sweep { get; init; }

    public required Metric Metric { get; init; }

    /// <summary>[pair]: of the unpatched run.</summary>
    public required IReadOnlyList<double> Baselines { get; init; }

    /// <summary>[pair][cell]; null for those that were not done.</summary>
    public required IReadOnlyList<IReadOnlyList<double?>> Done { get; init; }
}

/// <summary>Cells that are done, in a file that is written over every few seconds.</summary>
internal sealed class DoneCells : IDisposable
{
    private readonly double?[][] done;
    private readonly ProgressFile<PatchProgress> file;

    private DoneCells(string path, PatchProgress begun, double?[][] done, bool isSaved)
        => (this.done, file) = (done, new(path, PatchJsonContext.Default.PatchProgress, () => begun with { Done = done }, isSaved));

    /// <summary>How many were done when the file was opened.</summary>
    public int Known { get; private init; }

    /// <summary>Opens the file of a sweep, or begins one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="sweep">What is to be run, with nothing done.</param>
    /// <param name="cells">Of each pair.</param>
    /// <exception cref="VitrineException">It is the file of another sweep, or of other weights or inputs.</exception>
    public static DoneCells Open(string path, PatchProgress sweep, int cells)
    {
        if (!File.Exists(path))
        {
            return new DoneCells(path, sweep, [.. sweep.Baselines.Select(_ => new double?[cells])], isSaved: false);
        }

        var before = ProgressFile<PatchProgress>.Read(path, PatchJsonContext.Default.PatchProgress, "a", "sweep");
        var differs = before.Model != sweep.Model ? "weights"
            : before.Method != sweep.Method || !before.Sweep.Equals(sweep.Sweep) ? "cells"
            : !before.Metric.Equals(sweep.Metric) ? "metric"
            : before.Inputs != sweep.Inputs || before.Done.Count != sweep.Baselines.Count || before.Done.Any(d => d.Count != cells) ? "inputs"
            : before.Baselines.Zip(sweep.Baselines).Any(b => Math.Abs(b.First - b.Second) > 1e-4 * Math.Max(1, Math.Abs(b.Second))) ? "unpatched answers"
            : null;
        return differs is null
            ? new DoneCells(path, sweep, [.. before.Done.Select(d => d.ToArray())], isSaved: true) { Known = before.Done.Sum(d => d.Count(v => v is not null)) }
            : throw new VitrineException($"{path}: is of a sweep with other {differs}; give another file, or delete it.");
    }

    /// <summary>What two subjects are given, as a hash.</summary>
    public static string HashOf(params Subject?[] subjects)
    {
        var text = string.Join('\u0003', subjects.Select(s => s is null
            ? ""
            : string.Join('\u0002', s.Tokens.Select(row => string.Join('\u0001', row)))));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    public double? Find(int pair, int cell) => done[pair][cell];

    public void Add(int pair, IReadOnlyList<(int Cell, double Value)> found)
    {
        foreach (var (cell, value) in found)
        {
            done[pair][cell] = value;
        }

        file.Changed();
    }

    /// <summary>Also where the sweep was cancelled: what was done is kept.</summary>
    public void Dispose() => file.Dispose();
}
