using System.Globalization;
using System.Text.RegularExpressions;

namespace Vitrine.Tests.Cli;

/// <summary>
/// Walks README and docs/edits.md command by command, as they stand: each ends well, its tables have rows, fit the terminal, and no column of numbers is all
/// zeros.
/// </summary>
/// <remarks>
/// What takes minutes at its own size is asked for a smaller one; MODEL is a small text model of the fixtures. Tests of one class run one after the other, and
/// these are long: two classes have half of them each.
/// </remarks>
public sealed class FirstHourTests : FirstHour
{
    public static TheoryData<string> Own => Half(0);

    [Theory, MemberData(nameof(Own))]
    public Task What_the_pages_say_runs(string command) => RunsAsync(command);
}

/// <inheritdoc cref="FirstHourTests"/>
public sealed class FirstHourOtherHalfTests : FirstHour
{
    public static TheoryData<string> Own => Half(1);

    [Theory, MemberData(nameof(Own))]
    public Task What_the_pages_say_runs(string command) => RunsAsync(command);
}

/// <summary>What both halves do.</summary>
public abstract partial class FirstHour : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose()
    {
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    protected static TheoryData<string> Half(int which) => [.. Commands().Where((_, i) => i % 2 == which)];

    private static IReadOnlyList<string> Commands()
    {
        string[] pages = ["README.md", "docs/edits.md"];
        return [.. pages.SelectMany(p => Said().Matches(File.ReadAllText(Path.Combine(Fixtures.Repository, p))).Select(m => m.Groups[1].Value.Trim()))
            .Where(c => !c.StartsWith("vitrine studio", StringComparison.Ordinal))                         // serves until it is ended: tests/studio/walk.mjs
            .SelectMany(WithAndWithout).Where(c => c.Split(' ').Length > 2 || c is "vitrine demo" or "vitrine edits").Distinct()];
    }

    protected async Task RunsAsync(string command)
    {
        var word = await VerbTests.WordOfAsync(Fixtures.Of("models", TextCommandTests.Decoders().First().Data));
        string[] asked = [.. Words().Matches(Smaller(command).Replace("Paris", word)).Select(m => Here(m.Value.Trim('"', '\'')))];
        var (exit, @out, error) = await CommandLine.RunAsync(120, asked[1..]);
        exit.ShouldBe(0, error);
        Look(@out, 120);
        if (asked[1] is not ("demo" or "rollout" or "steer" or "classify") && !asked.Contains("--page")) // its tables are those without a page
        {
            var narrow = await CommandLine.RunAsync(80, asked[1..]);
            narrow.Exit.ShouldBe(0, narrow.Error);
            Look(narrow.Out, 80);
        }
    }

    [GeneratedRegex(@"(?:^|`)(vitrine [^`#\n]+)", RegexOptions.Multiline)]
    private static partial Regex Said();

    [GeneratedRegex("\"[^\"]*\"|'[^']*'|\\S+")]
    private static partial Regex Words();

    [GeneratedRegex(@"\[([^\]]*)\]")]
    private static partial Regex Optional();

    /// <summary>A command with its optional words, and without.</summary>
    private static IEnumerable<string> WithAndWithout(string command)
        => Optional().IsMatch(command) ? [Optional().Replace(command, ""), Optional().Replace(command, "$1")] : [command];

    private static string Smaller(string command)
        => command
            .Replace("\"...\"", "\"The robot moves up.\"", StringComparison.Ordinal)
            .Replace(
                "\"The capital of France is\"", $"\"The robot moves up.\" {(command.Contains("steer", StringComparison.Ordinal) ? "--tokens" : "-n")} 4",
                StringComparison.Ordinal)
            .Replace("language.5", command.Contains("MODEL", StringComparison.Ordinal) ? "language.0" : "language.5", StringComparison.Ordinal)
            .Replace("vitrine demo", "vitrine demo --layouts 2 --states 4 --steps 6 --out demo-report", StringComparison.Ordinal)
            .Replace("-n 200", "-n 2 --steps 10", StringComparison.Ordinal)
            .Replace("vitrine steer embedded:tabletop", "vitrine steer embedded:tabletop --states 4", StringComparison.Ordinal)
            .Replace("vitrine explain embedded:tabletop", "vitrine explain embedded:tabletop -n 8 --draws 1", StringComparison.Ordinal)
            .Replace("vitrine circuit embedded:tabletop-flow", "vitrine circuit embedded:tabletop-flow -n 2", StringComparison.Ordinal)
            .Replace("vitrine rollout embedded:tabletop --edit", "vitrine rollout embedded:tabletop --layouts 2 --steps 10 --edit", StringComparison.Ordinal);

    /// <summary>Files of the repository where it lies, files to write in a folder of the test's own, MODEL a model that is there.</summary>
    private string Here(string word) => word switch
    {
        "MODEL" => Fixtures.Of("models", TextCommandTests.Decoders().First().Data),
        "seen" or "demo-report" or "explained.html" => folder[word],
        _ when File.Exists(Path.Combine(Fixtures.Repository, word)) || Directory.Exists(Path.Combine(Fixtures.Repository, word))
            => Path.Combine(Fixtures.Repository, word),
        _ when word.EndsWith(".safetensors", StringComparison.Ordinal) || word is "FILE" => folder[word],
        _ => word,
    };

    /// <summary>Tables as they are drawn: a header, a line, rows.</summary>
    private static void Look(string text, int width)
    {
        var lines = text.ReplaceLineEndings("\n").Split('\n');
        for (var i = 1; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith("──", StringComparison.Ordinal))
            {
                continue;
            }

            lines[i].Length.ShouldBeLessThanOrEqualTo(width);
            var header = lines[..i].Reverse().TakeWhile(l => l.Trim().Length > 0).ToArray();
            var rows = lines[(i + 1)..].TakeWhile(l => l.Trim().Length > 0).ToArray();
            rows.ShouldNotBeEmpty(string.Join('\n', header));
            foreach (var (start, length) in Columns([.. header, .. rows]))
            {
                double[] numbers = [.. rows.Select(r => Number(r, start, length)).OfType<double>()];
                if (numbers.Length == rows.Length && rows.Length > 1)
                {
                    numbers.Any(n => n != 0).ShouldBeTrue($"a column of zeros:\n{string.Join('\n', header)}\n{string.Join('\n', rows)}");
                }
            }
        }
    }

    /// <summary>Runs of columns in which some line has a letter: cells, as far apart as two spaces.</summary>
    private static IEnumerable<(int Start, int Length)> Columns(string[] lines)
    {
        var widest = lines.Max(l => l.Length);
        bool Free(int at) => lines.All(l => at >= l.Length || l[at] == ' ');
        for (var at = 0; at < widest; at++)
        {
            if (!Free(at))
            {
                var start = at;
                while (at < widest && !(Free(at) && Free(at + 1)))
                {
                    at++;
                }

                yield return (start, at - start);
            }
        }
    }

    private static double? Number(string row, int start, int length)
        => start < row.Length && double.TryParse(
            row.Substring(start, Math.Min(length, row.Length - start)).Trim(' ', '%'), NumberStyles.Float, CultureInfo.InvariantCulture, out var n) ? n : null;
}
