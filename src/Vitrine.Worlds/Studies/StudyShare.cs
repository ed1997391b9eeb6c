using System.Globalization;

namespace Vitrine.Worlds.Studies;

/// <summary>One of N shares of a study's chunks, for a scheduler that starts N processes over one folder.</summary>
/// <param name="Index">Which share, from 1.</param>
/// <param name="Count">How many there are.</param>
/// <remarks>Share I of N has the chunks whose number leaves I - 1 when divided by N, so that every arm is spread over all shares.</remarks>
public sealed record StudyShare(int Index, int Count)
{
    /// <summary>Reads <c>I/N</c>, I from 1 to N.</summary>
    /// <exception cref="VitrineException">The text is none.</exception>
    public static StudyShare Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split('/');
        return parts.Length == 2 && Number(parts[0]) is { } index && Number(parts[1]) is { } count && index >= 1 && index <= count
            ? new StudyShare(index, count)
            : throw new VitrineException($"'{text}' is no share of a study; expected I/N with I from 1 to N, e.g. 2/3.");
    }

    /// <summary>The share of this process in a job array of Slurm (<c>sbatch --array=...</c>).</summary>
    /// <param name="variable">Reads a variable of the environment.</param>
    /// <exception cref="VitrineException">The process is in no such array, or in one that leaves numbers out.</exception>
    public static StudyShare OfSlurm(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        var (id, first, last, count) = (Read("TASK_ID"), Read("TASK_MIN"), Read("TASK_MAX"), Read("TASK_COUNT"));
        return last - first + 1 == count && id >= first && id <= last
            ? new StudyShare(id - first + 1, count)
            : throw new VitrineException(
                $"this job is number {id} of an array of {count} jobs from {first} to {last}; expected one without gaps, e.g. sbatch --array=1-8.");

        int Read(string name) => Number(variable($"SLURM_ARRAY_{name}") ?? "") ?? throw new VitrineException(
            $"SLURM_ARRAY_{name} is '{variable($"SLURM_ARRAY_{name}")}'; expected a whole number, as Slurm sets it in a job array (sbatch --array=1-8).");
    }

    /// <summary>Whether a chunk belongs to this share.</summary>
    public bool Has(StudyChunk chunk)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        return chunk.Number % Count == Index - 1;
    }

    /// <summary><c>I/N</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Index}/{Count}");

    private static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
