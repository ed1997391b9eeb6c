using System.Text;
using Vitrine.Worlds.Studies;

namespace Vitrine.Worlds.Records;

/// <summary>Steps of a record that grows: JSON, a line a step. A last line that was cut off counts as not there.</summary>
internal static class StepLines
{
    /// <returns>The whole steps, and how many bytes they take.</returns>
    /// <exception cref="VitrineException">The file cannot be read, or a line before the last is no step.</exception>
    public static (IReadOnlyList<RecordedStep> Steps, long Length) Read(string folder)
    {
        var path = Path.Combine(folder, RecordFolder.Growing);
        var steps = new List<RecordedStep>();
        var length = 0L;
        foreach (var line in Lines(path))
        {
            var step = RecordJson.Read<RecordedStep>(Encoding.UTF8.GetString(line.Span), $"{path}: line {steps.Count + 1}");
            if (step.Step != steps.Count)
            {
                throw new VitrineException($"{path}: line {steps.Count + 1} is of step {step.Step}; expected {steps.Count}.");
            }

            steps.Add(step);
            length += line.Length + 1;
        }

        return (steps, length);
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Lines(string path)
    {
        ReadOnlyMemory<byte> left = Bytes(path);
        while (left.Span.IndexOf((byte)'\n') is >= 0 and var end)
        {
            yield return left[..end];
            left = left[(end + 1)..];
        }
    }

    private static byte[] Bytes(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllBytes(path) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }
}
