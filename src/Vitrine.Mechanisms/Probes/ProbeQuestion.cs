namespace Vitrine.Mechanisms.Probes;

/// <summary>What a probe is asked of examples: a class each, or a number each.</summary>
public sealed record ProbeQuestion
{
    private ProbeQuestion()
    {
    }

    /// <summary>Names of the classes, in the order of their numbers; none where numbers are asked.</summary>
    public IReadOnlyList<string> Classes { get; private init; } = [];

    /// <summary>Class of each example; none where numbers are asked.</summary>
    public IReadOnlyList<int> Labels { get; private init; } = [];

    /// <summary>Number of each example; none where classes are asked.</summary>
    public IReadOnlyList<double> Targets { get; private init; } = [];

    /// <summary>
    /// What must not stand on both sides of a split: examples of one group are held out together; null where every example stands for itself.
    /// </summary>
    public IReadOnlyList<int>? Groups { get; init; }

    /// <summary>
    /// What control tasks give labels to: examples of one type get one label (Hewitt and Liang 2019); null where there is nothing that comes again.
    /// </summary>
    public IReadOnlyList<string>? Types { get; init; }

    /// <summary>How many examples.</summary>
    public int Count => IsOfClasses ? Labels.Count : Targets.Count;

    /// <summary>Whether classes are asked.</summary>
    public bool IsOfClasses => Classes.Count > 0;

    /// <summary>What a probe that reads nothing gets: the share of the largest class, or an R2 of zero.</summary>
    public double Chance => IsOfClasses ? Labels.CountBy(l => l).Max(c => c.Value) / (double)Labels.Count : 0;

    /// <summary>Asks for classes, numbered in the order of their names.</summary>
    /// <exception cref="VitrineException">There are fewer than two.</exception>
    public static ProbeQuestion OfClasses(IReadOnlyList<string> labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        string[] classes = [.. labels.Distinct().Order(StringComparer.Ordinal)];
        return classes.Length >= 2
            ? new() { Classes = classes, Labels = [.. labels.Select(l => Array.IndexOf(classes, l))] }
            : throw new VitrineException(
                $"probe: {labels.Count} examples of {classes.Length} classes ({string.Join(", ", classes)}); expected two classes or more.");
    }

    /// <summary>Asks for numbers.</summary>
    /// <exception cref="VitrineException">One is none, or all are equal.</exception>
    public static ProbeQuestion OfNumbers(IReadOnlyList<double> targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        return targets.All(double.IsFinite) && targets.Distinct().Count() > 1
            ? new() { Targets = targets }
            : throw new VitrineException($"probe: {targets.Count} targets, of which {targets.Distinct().Count()} differ; expected finite numbers that differ.");
    }

    /// <summary>The same question asked of parts of the examples: each part has its owner's answer, and parts of one owner are one group.</summary>
    /// <param name="owners">Example of each part.</param>
    /// <exception cref="VitrineException">A part is of no example.</exception>
    public ProbeQuestion Of(IReadOnlyList<int> owners)
    {
        ArgumentNullException.ThrowIfNull(owners);
        return owners.All(o => o >= 0 && o < Count)
            ? this with
            {
                Labels = IsOfClasses ? [.. owners.Select(o => Labels[o])] : [],
                Targets = IsOfClasses ? [] : [.. owners.Select(o => Targets[o])],
                Groups = [.. owners.Select(o => Groups?[o] ?? o)],
                Types = Types is null ? null : [.. owners.Select(o => Types[o])],
            }
            : throw new VitrineException($"probe: a part belongs to example {owners.Max()}; there are {Count}, counted from 0.");
    }
}
