namespace Vitrine.Inputs.Chat;

/// <summary>The arguments of a call, a filter or a test, by place and by name.</summary>
internal sealed record Arguments(IReadOnlyList<object?> Places, IReadOnlyDictionary<string, object?> Names, TemplateRun Run)
{
    public Budget Budget => Run.Budget;

    /// <summary>An argument by its place, or else by its name; otherwise the default.</summary>
    public object? Get(int place, string name, object? otherwise = null)
        => place < Places.Count ? Places[place] : Names.TryGetValue(name, out var value) ? value : otherwise;

    public object? Need(int place, string name)
        => place < Places.Count || Names.ContainsKey(name) ? Get(place, name) : throw new TemplateFault($"the argument '{name}' is missing");

    public string Text(int place, string name) => Value.AsText(Need(place, name));

    /// <summary>Refuses arguments that are not known.</summary>
    public Arguments Only(params string[] names)
        => Places.Count > names.Length ? throw new TemplateFault($"{Places.Count} arguments where at most {names.Length} are known")
            : Names.Keys.FirstOrDefault(n => !names.Contains(n)) is { } unknown
                ? throw new TemplateFault($"the argument '{unknown}' is not computed by this version")
            : this;
}
