using System.Globalization;

namespace Vitrine.Benchmarks;

/// <summary>A verb and its options, <c>--name value</c> or <c>--name</c>.</summary>
internal sealed record Arguments(string Verb, IReadOnlyDictionary<string, string> Options)
{
    public static Arguments Parse(string[] args)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 1; i < args.Length; i++)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal))
            {
                throw new VitrineException($"'{args[i]}': expected an option such as --vectors.");
            }

            var hasValue = i + 1 < args.Length && !args[i + 1].StartsWith("--", StringComparison.Ordinal);
            options[args[i]] = hasValue ? args[++i] : "";
        }

        return new Arguments(args.Length == 0 ? "" : args[0], options);
    }

    public bool Has(string name) => Options.ContainsKey(name);

    public string? Text(string name) => Options.GetValueOrDefault(name);

    public string Needed(string name) => Text(name) is { Length: > 0 } text ? text : throw new VitrineException($"{Verb}: {name} is missing.");

    public int Number(string name, int otherwise) => Text(name) is not { } text ? otherwise
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number
        : throw new VitrineException($"{Verb}: {name} is '{text}'; expected a positive number.");
}
