using System.Globalization;

namespace Vitrine.Inputs.Chat;

/// <summary>Parses the expressions of Jinja, in its order of precedence.</summary>
internal sealed class ExpressionParser(TokenCursor cursor)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];
    private static readonly string[] NoArguments = ["else", "or", "and", "is", "if", "not", "in"];

    /// <summary>An expression, or several with commas between, which make a list.</summary>
    public Expression ParseTuple()
    {
        var first = Parse();
        if (!cursor.IsSign(","))
        {
            return first;
        }

        var items = new List<Expression> { first };
        while (cursor.TakeSign(",") && !cursor.IsSign(")") && !cursor.Is(TokenKind.BlockEnd) && !cursor.Is(TokenKind.OutputEnd))
        {
            items.Add(Parse());
        }

        return run => new TupleValue(items.Select(i => i(run)));
    }

    public Expression Parse() => cursor.Deeper(Conditional);

    /// <summary>An expression without the if behind it, as a loop's own if follows it.</summary>
    public Expression ParseUnconditional() => cursor.Deeper(Or);

    private Expression Conditional()
    {
        var value = Or();
        while (cursor.TakeName("if"))
        {
            var (then, condition) = (value, Or());
            var otherwise = cursor.TakeName("else") ? Parse() : _ => new Undefined("the else that is missing");
            value = run => Value.IsTrue(condition(run)) ? then(run) : otherwise(run);
        }

        return value;
    }

    private Expression Or()
    {
        var left = And();
        while (cursor.TakeName("or"))
        {
            var (a, b) = (left, And());
            left = run => a(run) is var value && Value.IsTrue(value) ? value : b(run);
        }

        return left;
    }

    private Expression And()
    {
        var left = Not();
        while (cursor.TakeName("and"))
        {
            var (a, b) = (left, Not());
            left = run => a(run) is var value && Value.IsTrue(value) ? b(run) : value;
        }

        return left;
    }

    private Expression Not()
    {
        if (!cursor.TakeName("not"))
        {
            return Comparison();
        }

        var value = cursor.Deeper(Not);
        return run => !Value.IsTrue(value(run));
    }

    private Expression Comparison()
    {
        var first = Sum();
        var rest = new List<(string Sign, Expression Right)>();
        while (true)
        {
            if (cursor.Is(TokenKind.Sign) && Comparisons.Contains(cursor.Now.Text))
            {
                rest.Add((cursor.Take().Text, Sum()));
            }
            else if (cursor.TakeName("in"))
            {
                rest.Add(("in", Sum()));
            }
            else if (cursor.IsName("not") && cursor.Next is { Kind: TokenKind.Name, Text: "in" })
            {
                cursor.Take();
                cursor.Take();
                rest.Add(("not in", Sum()));
            }
            else
            {
                break;
            }
        }

        return rest.Count == 0 ? first : run =>
        {
            var left = first(run);
            foreach (var (sign, right) in rest)
            {
                var value = right(run);
                if (!Operations.Holds(sign, left, value, run.Budget))
                {
                    return false;
                }

                left = value;
            }

            return true;
        };
    }

    private Expression Sum() => Chain(Concatenation, "+", "-");

    private Expression Concatenation()
    {
        var first = Product();
        if (!cursor.IsSign("~"))
        {
            return first;
        }

        var parts = new List<Expression> { first };
        while (cursor.TakeSign("~"))
        {
            parts.Add(Product());
        }

        return run => Operations.Joined(parts.Select(p => Value.Text(p(run), run.Budget)));
    }

    private Expression Product() => Chain(Power, "*", "/", "//", "%");

    private Expression Power() => Chain(() => Unary(filters: true), "**");

    private Expression Chain(Func<Expression> operand, params string[] signs)
    {
        var left = operand();
        while (cursor.Is(TokenKind.Sign) && signs.Contains(cursor.Now.Text))
        {
            var sign = cursor.Take().Text;
            var (a, b) = (left, operand());
            left = run =>
            {
                run.Budget.Step();
                return Operations.Calculate(sign, a(run), b(run));
            };
        }

        return left;
    }

    private Expression Unary(bool filters)
    {
        Expression value;
        if (cursor.TakeSign("-"))
        {
            var inner = cursor.Deeper(() => Unary(filters: false));
            value = run => inner(run) is var number && number is double real ? -real : Operations.Calculate("-", 0L, number);
        }
        else if (cursor.TakeSign("+"))
        {
            value = cursor.Deeper(() => Unary(filters: false));
        }
        else
        {
            value = Primary();
        }

        value = Postfix(value);
        return filters ? Filters(value) : value;
    }

    private Expression Primary()
    {
        var token = cursor.Take();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => _ => true,
                    "false" or "False" => _ => false,
                    "none" or "None" => _ => null,
                    var name => run => run.Get(name),
                };
            case TokenKind.Text:
                var text = token.Text;
                while (cursor.Is(TokenKind.Text))
                {
                    text += cursor.Take().Text;
                }

                return _ => text;
            case TokenKind.Integer:
                var number = long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var n)
                    ? n
                    : throw cursor.Fault($"the number {token.Text} is too large");
                return _ => number;
            case TokenKind.Float:
                var real = double.Parse(token.Text, CultureInfo.InvariantCulture);
                return _ => real;
            case TokenKind.Sign when token.Text == "(":
                return Parenthesised();
            case TokenKind.Sign when token.Text == "[":
                var items = List("]");
                return run => items.Select(i => i(run)).ToList();
            case TokenKind.Sign when token.Text == "{":
                return Mapping();
            default:
                throw new TemplateFault($"line {token.Line}: '{token.Text}' where a value is expected");
        }
    }

    private Expression Parenthesised()
    {
        if (cursor.TakeSign(")"))
        {
            return _ => new TupleValue([]);
        }

        var value = ParseTuple();
        cursor.Expect(")");
        return value;
    }

    private List<Expression> List(string close)
    {
        var items = new List<Expression>();
        while (!cursor.TakeSign(close))
        {
            items.Add(Parse());
            if (!cursor.IsSign(close))
            {
                cursor.Expect(",");
            }
        }

        return items;
    }

    private Expression Mapping()
    {
        var entries = new List<(Expression Key, Expression Value)>();
        while (!cursor.TakeSign("}"))
        {
            var key = Parse();
            cursor.Expect(":");
            entries.Add((key, Parse()));
            if (!cursor.IsSign("}"))
            {
                cursor.Expect(",");
            }
        }

        return run =>
        {
            var map = new Dictionary<string, object?>(StringComparer.Ordinal);
            foreach (var (key, value) in entries)
            {
                map[Value.AsText(key(run))] = value(run);
            }

            return map;
        };
    }

    private Expression Postfix(Expression value)
    {
        while (true)
        {
            var owner = value;
            if (cursor.TakeSign("."))
            {
                var name = cursor.Is(TokenKind.Integer) ? cursor.Take().Text : cursor.Name();
                value = char.IsAsciiDigit(name[0]) ? run
                    => Members.Item(owner(run), long.Parse(name, CultureInfo.InvariantCulture)) : run => Members.Attribute(owner(run), name);
            }
            else if (cursor.TakeSign("["))
            {
                value = Subscript(owner);
            }
            else if (cursor.TakeSign("("))
            {
                var arguments = Call();
                value = run => Members.Call(owner(run), arguments(run));
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Subscript(Expression owner)
    {
        Expression? start = cursor.IsSign(":") ? null : Parse();
        if (!cursor.TakeSign(":"))
        {
            cursor.Expect("]");
            return run => Members.Item(owner(run), start!(run));
        }

        Expression? stop = cursor.IsSign(":") || cursor.IsSign("]") ? null : Parse();
        Expression? step = cursor.TakeSign(":") && !cursor.IsSign("]") ? Parse() : null;
        cursor.Expect("]");
        return run => Members.Slice(owner(run), start?.Invoke(run), stop?.Invoke(run), step?.Invoke(run), run.Budget);
    }

    /// <summary>Arguments up to the closing parenthesis.</summary>
    private Func<TemplateRun, Arguments> Call()
    {
        var places = new List<Expression>();
        var names = new List<(string Name, Expression Value)>();
        while (!cursor.TakeSign(")"))
        {
            if (cursor.IsSign("*") || cursor.IsSign("**"))
            {
                throw cursor.Fault($"unpacked arguments ('{cursor.Now.Text}') are not computed by this version");
            }

            if (cursor.Is(TokenKind.Name) && cursor.Next is { Kind: TokenKind.Sign, Text: "=" })
            {
                var name = cursor.Name();
                cursor.Take();
                names.Add((name, Parse()));
            }
            else
            {
                places.Add(Parse());
            }

            if (!cursor.IsSign(")"))
            {
                cursor.Expect(",");
            }
        }

        return run => new Arguments([.. places.Select(p => p(run))], names.ToDictionary(n => n.Name, n => n.Value(run)), run);
    }

    private Expression Filters(Expression value)
    {
        while (true)
        {
            var owner = value;
            if (cursor.TakeSign("|"))
            {
                var filter = Filter();
                value = run => filter(run, owner(run));
            }
            else if (cursor.TakeName("is"))
            {
                value = Test(owner);
            }
            else if (cursor.TakeSign("("))
            {
                var arguments = Call();
                value = run => Members.Call(owner(run), arguments(run));
            }
            else
            {
                return value;
            }
        }
    }

    /// <summary>A filter by its name with its arguments, also for the block of that name.</summary>
    public Func<TemplateRun, object?, object?> Filter()
    {
        var line = cursor.Now.Line;
        var name = cursor.Name();
        var filter = Chat.Filters.Find(name) ?? throw new TemplateFault($"line {line}: the filter '{name}' is not computed by this version");
        var arguments = cursor.TakeSign("(") ? Call() : run => new Arguments([], new Dictionary<string, object?>(), run);
        return (run, value) =>
        {
            run.Budget.Step();
            return filter(value, arguments(run));
        };
    }

    private Expression Test(Expression owner)
    {
        var negated = cursor.TakeName("not");
        var line = cursor.Now.Line;
        var name = cursor.Name();
        var test = Tests.Find(name) ?? throw new TemplateFault($"line {line}: the test '{name}' is not computed by this version");
        Func<TemplateRun, Arguments> arguments = run => new Arguments([], new Dictionary<string, object?>(), run);
        if (cursor.TakeSign("("))
        {
            arguments = Call();
        }
        else if (cursor.Now.Kind is TokenKind.Text or TokenKind.Integer or TokenKind.Float || cursor.IsSign("[") || cursor.IsSign("{")
            || cursor.Is(TokenKind.Name) && !NoArguments.Contains(cursor.Now.Text))
        {
            var argument = Postfix(Primary());
            arguments = run => new Arguments([argument(run)], new Dictionary<string, object?>(), run);
        }

        return run => test(owner(run), arguments(run)) != negated;
    }
}
