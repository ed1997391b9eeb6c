using System.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Vitrine.Tests.Cli;

/// <summary>One console for tests side by side: what a test writes, and whatever it starts, reaches that test's own writers.</summary>
internal static class SharedConsole
{
    private static readonly AsyncLocal<Own?> Here = new();

    static SharedConsole()
    {
        var (@out, error, console) = (Console.Out, Console.Error, AnsiConsole.Console);
        Console.SetOut(new Writer(() => Here.Value?.Out ?? @out));
        Console.SetError(new Writer(() => Here.Value?.Error ?? error));
        AnsiConsole.Console = new Ansi(() => Here.Value?.Console ?? console);
    }

    /// <summary>From here to the end of the calling method, and in all that it starts.</summary>
    /// <param name="out">What is written goes there.</param>
    /// <param name="error">What is told goes there.</param>
    /// <param name="width">Columns of the terminal.</param>
    public static void Redirect(TextWriter @out, TextWriter error, int width = 180)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(@out) });
        console.Profile.Width = width;
        Here.Value = new Own(@out, error, console);
    }

    private sealed record Own(TextWriter Out, TextWriter Error, IAnsiConsole Console);

    private sealed class Writer(Func<TextWriter> to) : TextWriter
    {
        public override Encoding Encoding => to().Encoding;

        public override void Write(char value) => to().Write(value);

        public override void Write(string? value) => to().Write(value);

        public override void Write(char[] buffer, int index, int count) => to().Write(buffer, index, count);

        public override void WriteLine(string? value) => to().WriteLine(value);

        public override void Flush() => to().Flush();
    }

    private sealed class Ansi(Func<IAnsiConsole> to) : IAnsiConsole
    {
        public Profile Profile => to().Profile;

        public IAnsiConsoleCursor Cursor => to().Cursor;

        public IAnsiConsoleInput Input => to().Input;

        public IExclusivityMode ExclusivityMode => to().ExclusivityMode;

        public RenderPipeline Pipeline => to().Pipeline;

        public void Clear(bool home) => to().Clear(home);

        public void Write(IRenderable renderable) => to().Write(renderable);

        public void WriteAnsi(Action<AnsiWriter> action) => to().WriteAnsi(action);
    }
}
