using System.CommandLine;
using System.CommandLine.Completions;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Vitrine.Cli;

/// <summary>How every verb ends: 0 done, 1 an error in one line, 2 wrong usage, 130 cancelled.</summary>
internal static class Output
{
    private const int Failed = 1, WrongUsage = 2, Cancelled = 130;

    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "Show the stack trace of an error.", Recursive = true };

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <remarks>A text that begins with @ is a text, not the name of a file that holds further arguments.</remarks>
    private static readonly ParserConfiguration Words = new() { ResponseFileTokenReplacer = null };

    /// <summary>An option that every verb spells alike.</summary>
    public static Option<bool> JsonOption() => new("--json") { Description = "Print JSON instead of tables." };

    /// <summary>Parses, runs, and turns errors into exit codes.</summary>
    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        var parsed = root.Parse(WithHelp(root, args), Words);
        var meant = parsed.GetResult(root.Directives.OfType<SuggestDirective>().Single()) is null ? Suggestions.Of(parsed) : null;
        if (meant is not null && (parsed.Errors.Count > 0 || meant.Count > 0))
        {
            foreach (var error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync(error.Message).ConfigureAwait(false);
            }

            foreach (var line in meant)
            {
                await Console.Error.WriteLineAsync(line).ConfigureAwait(false);
            }

            await Console.Error.WriteLineAsync("'vitrine --help' lists the verbs, 'vitrine VERB --help' their options.").ConfigureAwait(false);
            return WrongUsage;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("cancelled").ConfigureAwait(false);
            return Cancelled;
        }
        catch (VitrineException e)
        {
            await Console.Error.WriteLineAsync(parsed.GetValue(Verbose) ? e.ToString() : e.Message.ReplaceLineEndings(" ")).ConfigureAwait(false);
            return Failed;
        }
    }

    /// <summary><c>vitrine</c> alone, <c>vitrine help</c> and <c>vitrine help VERB</c> ask for help.</summary>
    private static string[] WithHelp(RootCommand root, string[] args) => args switch
    {
        [] or ["help"] => ["--help"],
        ["help", .. var verb] => root.Subcommands.Any(c => c.Name == verb[0]) ? [.. verb, "--help"] : verb,
        _ => args,
    };

    /// <summary>Prints a value as JSON.</summary>
    public static void Write<T>(T value) => Console.WriteLine(JsonSerializer.Serialize(value, Json));

    /// <summary>Says on standard error, a line each, what a user should know and what stops nothing.</summary>
    public static void Warn(IEnumerable<object> lines)
    {
        foreach (var line in lines)
        {
            Console.Error.WriteLine($"warning: {line}");
        }
    }

    /// <summary>A value as JSON text, for files that a verb writes.</summary>
    public static string ToJson<T>(T value) => JsonSerializer.Serialize(value, Json);

    /// <summary>Shows progress on standard error while work runs, so that standard output stays readable by programs.</summary>
    public static async Task<T> WithProgressAsync<T>(string what, Func<IProgress<double>, Task<T>> work)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress()
            .AutoClear(false)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask(Markup.Escape(what), maxValue: 1);
                var result = await Task.Run(() => work(new Direct(value => task.Value = value))).ConfigureAwait(false);
                task.Value = 1;
                return result;
            }).ConfigureAwait(false);
    }

    /// <summary>A number with its sign and four decimals.</summary>
    public static string Signed(double value) => value.ToString("+0.0000;-0.0000;0.0000", CultureInfo.InvariantCulture);

    /// <summary>A table whose cells are plain text.</summary>
    public static Table Table(params string[] columns)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in columns)
        {
            table.AddColumn(new TableColumn(new Text(column)));
        }

        return table;
    }

    /// <summary>Adds a row of plain text.</summary>
    public static void Add(this Table table, params string[] cells) => table.AddRow(cells.Select(c => new Text(c)));

    private sealed class Direct(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}
