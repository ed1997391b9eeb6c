using System.Text;

namespace Vitrine.Inputs.Chat;

/// <summary>A part of a template that gives a value.</summary>
internal delegate object? Expression(TemplateRun run);

/// <summary>A part of a template that does something.</summary>
internal delegate void Statement(TemplateRun run);

/// <summary>Leaves a loop or its pass.</summary>
internal enum Jump
{
    /// <summary>On to the next statement.</summary>
    None,

    /// <summary>On to the next pass.</summary>
    Continue,

    /// <summary>Out of the loop.</summary>
    Break,
}

/// <summary>One rendering: names, output and budget.</summary>
internal sealed class TemplateRun(IReadOnlyDictionary<string, object?> globals)
{
    private readonly Stack<Dictionary<string, object?>> scopes = new([new(StringComparer.Ordinal)]);

    public Budget Budget { get; } = new();

    public StringBuilder Output { get; private set; } = new();

    /// <summary>Line of the statement that is being done.</summary>
    public int Line { get; set; } = 1;

    public Jump Jump { get; set; }

    public object? Get(string name)
    {
        foreach (var scope in scopes)
        {
            if (scope.TryGetValue(name, out var value))
            {
                return value;
            }
        }

        return globals.TryGetValue(name, out var known) ? known : new Undefined(name);
    }

    public void Set(string name, object? value) => scopes.Peek()[name] = value;

    public void Write(string text)
    {
        Budget.Length((long)Output.Length + text.Length);
        Output.Append(text);
    }

    /// <summary>Does something among names of its own.</summary>
    public void Inside(Action action)
    {
        scopes.Push(new(StringComparer.Ordinal));
        Budget.Enter();
        action();
        Budget.Leave();
        scopes.Pop();
    }

    /// <summary>What something writes, instead of writing it.</summary>
    public string Captured(Action action)
    {
        var outer = Output;
        Output = new StringBuilder();
        action();
        var text = Output.ToString();
        Output = outer;
        return text;
    }

    public void Do(IReadOnlyList<Statement> statements)
    {
        foreach (var statement in statements)
        {
            Budget.Step();
            statement(this);
            if (Jump != Jump.None)
            {
                return;
            }
        }
    }
}
