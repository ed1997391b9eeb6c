using System.CommandLine;
using System.CommandLine.Completions;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Spectre.Console;
using Vitrine.Worlds.Studies;

namespace Vitrine.Cli;

/// <summary>How every verb ends: 0 done, 1 an error in one line, 2 wrong usage, 130 cancelled.</summary>
internal static class Output
{
    private const int Wide = 110;
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

    /// <summary>Cancelled when the user interrupts the verb that runs.</summary>
    public static CancellationToken Interrupted { get; private set; }

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
            using var interrupt = new CancellationTokenSource();
            using var keys = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
            using var stop = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
            Interrupted = interrupt.Token;
            var asked = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return await parsed.InvokeAsync(asked, interrupt.Token).ConfigureAwait(false);

            // The first time the verb ends at its next step; the second time the process does.
            void Stop(PosixSignalContext signal)
            {
                signal.Cancel = !interrupt.IsCancellationRequested;
                interrupt.Cancel();
            }
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
        catch (TypeInitializationException e) when (e.TypeName == "TorchSharp.torch")
        {
            await Console.Error.WriteLineAsync(parsed.GetValue(Verbose) ? e.ToString()
                : $"libtorch cannot be loaded; its files belong beside the command, in {AppContext.BaseDirectory}").ConfigureAwait(false);
            return Failed;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(
                parsed.GetValue(Verbose) ? e.ToString() : $"the output, or a file, cannot be written or read ({e.Message}).").ConfigureAwait(false);
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

    /// <summary>A list as users write one: with spaces, with commas, or with both.</summary>
    public static string[] List(IEnumerable<string>? words)
        => [.. (words ?? []).SelectMany(w => w.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];

    /// <summary>A count that an option says, checked before anything is opened.</summary>
    /// <exception cref="VitrineException">It is smaller.</exception>
    public static int AtLeast(this ParseResult parsed, Option<int> option, int fewest)
        => parsed.GetValue(option) is var count && count >= fewest ? count
            : throw new VitrineException($"{option.Name} is {count}; expected at least {fewest}.");

    /// <inheritdoc cref="AtLeast(ParseResult, Option{int}, int)"/>
    public static int? AtLeast(this ParseResult parsed, Option<int?> option, int fewest)
        => parsed.GetValue(option) is var count && (count is null || count >= fewest) ? count
            : throw new VitrineException($"{option.Name} is {count}; expected at least {fewest}.");

    /// <summary>What is said behind an instruction, checked before anything is opened; null where the option is not given.</summary>
    /// <exception cref="VitrineException">It is empty.</exception>
    public static string? Word(this ParseResult parsed, Option<string?> option)
        => parsed.GetValue(option) is var word && (word is null || word.Trim().Length > 0) ? word
            : throw new VitrineException($"{option.Name} is empty; expected what is said behind every instruction, e.g. quickly.");

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

    /// <summary>A value as JSON that can be added to.</summary>
    public static JsonNode ToNode<T>(T value) => JsonSerializer.SerializeToNode(value, Json)!;

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    public static T? FromJson<T>(string text) => JsonSerializer.Deserialize<T>(text, Json);

    /// <summary>Shows progress on standard error while work runs, so that standard output stays readable by programs.</summary>
    public static Task<T> WithProgressAsync<T>(string what, Func<IProgress<double>, Task<T>> work)
        => Stages.RunAsync(stages => stages.StageAsync(what, 1, work), all: 1);

    /// <summary>The chunks of a study that are done, as a share.</summary>
    public static IProgress<StudyProgress> Chunks(IProgress<double> share) => new Direct<StudyProgress>(s => share.Report((double)s.Chunks / s.AllChunks));

    /// <summary>A number that has no direction, with four decimals.</summary>
    public static string Plain(double value) => value.ToString("0.0000", CultureInfo.InvariantCulture);

    /// <summary>A change or a value with a direction: its sign and four decimals.</summary>
    public static string Signed(double value) => value.ToString("+0.0000;-0.0000;0.0000", CultureInfo.InvariantCulture);

    /// <summary>A mean with its interval, on two lines where the terminal is narrow; its column ends with "95 %".</summary>
    public static string WithInterval(double mean, double low, double high)
        => $"{Signed(mean)}{(IsNarrow ? '\n' : ' ')}{Interval(low, high)}";

    /// <summary>Whether the terminal is too narrow for a number and its interval in one line.</summary>
    public static bool IsNarrow => AnsiConsole.Profile.Width < Wide;

    /// <summary>An interval of changes.</summary>
    public static string Interval(double low, double high) => $"[{Signed(low)}, {Signed(high)}]";

    /// <summary>A name that fits: one that is longer loses its middle, as both ends of an address tell most.</summary>
    public static string Middle(string name, int width) => name.Length <= width ? name
        : $"{name[..((width - 1) / 2)]}…{name[^(width - 1 - ((width - 1) / 2))..]}";

    /// <summary>A table whose cells are plain text.</summary>
    public static Table Table(params string[] columns)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in columns)
        {
            table.AddColumn(new TableColumn(new Text(column)) { NoWrap = column.EndsWith("95 %", StringComparison.Ordinal) }); // An interval is one word.
        }

        return table;
    }

    /// <summary>Adds a row of plain text.</summary>
    public static void Add(this Table table, params string[] cells) => table.AddRow(cells.Select(c => new Text(c)));
}
