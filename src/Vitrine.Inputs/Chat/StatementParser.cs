namespace Vitrine.Inputs.Chat;

/// <summary>Parses the text and the tags of a template into statements.</summary>
internal sealed class StatementParser
{
    private readonly TokenCursor cursor;
    private readonly ExpressionParser expressions;
    private int loops;

    private StatementParser(IReadOnlyList<TemplateToken> tokens)
    {
        cursor = new TokenCursor(tokens);
        expressions = new ExpressionParser(cursor);
    }

    public static IReadOnlyList<Statement> Parse(string template)
    {
        var parser = new StatementParser(TemplateLexer.Read(template));
        return parser.Until([], out _);
    }

    /// <summary>Statements up to a tag with one of the words, whose word is taken; at the end of the template where none are given.</summary>
    private List<Statement> Until(string[] ends, out string end)
    {
        var found = "";
        var body = cursor.Deeper(() =>
        {
            var statements = new List<Statement>();
            while (!cursor.Is(TokenKind.End))
            {
                var token = cursor.Take();
                if (token.Kind == TokenKind.Data)
                {
                    statements.Add(run => run.Write(token.Text));
                }
                else if (token.Kind == TokenKind.OutputBegin)
                {
                    var value = expressions.ParseTuple();
                    cursor.End(TokenKind.OutputEnd);
                    statements.Add(At(token.Line, run => run.Write(Value.Text(value(run), run.Budget))));
                }
                else
                {
                    var word = cursor.Name();
                    if (ends.Contains(word))
                    {
                        found = word;
                        return statements;
                    }

                    statements.Add(At(token.Line, Tag(word, token.Line)));
                }
            }

            return ends.Length == 0 ? statements : throw cursor.Fault($"the template ends where {string.Join(" or ", ends)} is expected");
        });
        end = found;
        return body;
    }

    private static Statement At(int line, Statement statement) => run =>
    {
        run.Line = line;
        statement(run);
    };

    private Statement Tag(string word, int line) => word switch
    {
        "if" => If(),
        "for" => For(),
        "set" => Set(),
        "macro" => Macro(),
        "filter" => FilterBlock(),
        "generation" => Generation(),
        "break" => Leave(Jump.Break, word),
        "continue" => Leave(Jump.Continue, word),
        _ => throw new TemplateFault($"line {line}: the tag '{word}' is not computed by this version"),
    };

    private Statement If()
    {
        var branches = new List<(Expression Condition, List<Statement> Body)>();
        List<Statement>? otherwise = null;
        for (var word = "if"; word != "endif";)
        {
            if (word == "else")
            {
                cursor.End(TokenKind.BlockEnd);
                otherwise = Until(["endif"], out word);
                continue;
            }

            var condition = expressions.ParseTuple();
            cursor.End(TokenKind.BlockEnd);
            branches.Add((condition, Until(["elif", "else", "endif"], out word)));
        }

        cursor.End(TokenKind.BlockEnd);
        return run =>
        {
            foreach (var (condition, body) in branches)
            {
                if (Value.IsTrue(condition(run)))
                {
                    run.Do(body);
                    return;
                }
            }

            run.Do(otherwise ?? []);
        };
    }

    private Statement For()
    {
        var targets = Targets();
        if (!cursor.TakeName("in"))
        {
            throw cursor.Fault($"'{cursor.Now.Text}' where 'in' is expected");
        }

        var items = expressions.ParseUnconditional();
        var condition = cursor.TakeName("if") ? expressions.Parse() : null;
        if (cursor.IsName("recursive"))
        {
            throw cursor.Fault("a recursive loop is not computed by this version");
        }

        cursor.End(TokenKind.BlockEnd);
        loops++;
        var body = Until(["else", "endfor"], out var word);
        loops--;
        List<Statement> otherwise = [];
        if (word == "else")
        {
            cursor.End(TokenKind.BlockEnd);
            otherwise = Until(["endfor"], out _);
        }

        cursor.End(TokenKind.BlockEnd);
        return run => Loop(run, targets, items, condition, body, otherwise);
    }

    private static void Loop(
        TemplateRun run, IReadOnlyList<string> targets, Expression items, Expression? condition, List<Statement> body, List<Statement> otherwise)
    {
        var all = Value.Items(items(run), run.Budget);
        if (condition is not null)
        {
            var kept = new List<object?>();
            foreach (var item in all)
            {
                run.Inside(() =>
                {
                    Assign(run, targets, item);
                    if (Value.IsTrue(condition(run)))
                    {
                        kept.Add(item);
                    }
                });
            }

            all = kept;
        }

        if (all.Count == 0)
        {
            run.Inside(() => run.Do(otherwise));
            return;
        }

        var loop = new LoopState(all, run.Get("loop") is LoopState outer ? outer.Depth + 1 : 1);
        for (loop.Index = 0; loop.Index < all.Count; loop.Index++)
        {
            run.Inside(() =>
            {
                run.Set("loop", loop);
                Assign(run, targets, all[loop.Index]);
                run.Do(body);
            });
            var left = run.Jump == Jump.Break;
            run.Jump = Jump.None;
            if (left)
            {
                break;
            }
        }
    }

    private Statement Set()
    {
        var name = cursor.Name();
        if (cursor.TakeSign("."))
        {
            var member = cursor.Name();
            var assigned = Assigned();
            return run
                => (run.Get(name) as Namespace ?? throw new TemplateFault(
                    $"'{name}' is no namespace, so '{name}.{member}' cannot be set")).Members[member] = assigned(run);
        }

        if (cursor.Is(TokenKind.BlockEnd) || cursor.IsSign("|"))
        {
            var filters = new List<Func<TemplateRun, object?, object?>>();
            while (cursor.TakeSign("|"))
            {
                filters.Add(expressions.Filter());
            }

            cursor.End(TokenKind.BlockEnd);
            var body = Until(["endset"], out _);
            cursor.End(TokenKind.BlockEnd);
            return run => run.Set(name, filters.Aggregate((object?)run.Captured(() => run.Inside(() => run.Do(body))), (v, filter) => filter(run, v)));
        }

        List<string> targets = [name];
        while (cursor.TakeSign(","))
        {
            targets.Add(cursor.Name());
        }

        var value = Assigned();
        return run => Assign(run, targets, value(run));
    }

    private Expression Assigned()
    {
        cursor.Expect("=");
        var value = expressions.ParseTuple();
        cursor.End(TokenKind.BlockEnd);
        return value;
    }

    private Statement Macro()
    {
        var name = cursor.Name();
        cursor.Expect("(");
        var parameters = new List<(string Name, Expression? Default)>();
        while (!cursor.TakeSign(")"))
        {
            var parameter = cursor.Name();
            parameters.Add((parameter, cursor.TakeSign("=") ? expressions.Parse() : null));
            if (!cursor.IsSign(")"))
            {
                cursor.Expect(",");
            }
        }

        cursor.End(TokenKind.BlockEnd);
        var outside = loops;
        loops = 0;
        var body = Until(["endmacro"], out _);
        loops = outside;
        cursor.End(TokenKind.BlockEnd);
        return run => run.Set(name, (Callable)(arguments =>
        {
            arguments.Only([.. parameters.Select(p => p.Name)]);
            return arguments.Run.Captured(() => arguments.Run.Inside(() =>
            {
                for (var i = 0; i < parameters.Count; i++)
                {
                    var (parameter, otherwise) = parameters[i];
                    var given = i < arguments.Places.Count || arguments.Names.ContainsKey(parameter);
                    arguments.Run.Set(parameter, given ? arguments.Get(i, parameter) : otherwise is null ? new Undefined(parameter) : otherwise(arguments.Run));
                }

                arguments.Run.Do(body);
            }));
        }));
    }

    private Statement FilterBlock()
    {
        var filters = new List<Func<TemplateRun, object?, object?>> { expressions.Filter() };
        while (cursor.TakeSign("|"))
        {
            filters.Add(expressions.Filter());
        }

        cursor.End(TokenKind.BlockEnd);
        var body = Until(["endfilter"], out _);
        cursor.End(TokenKind.BlockEnd);
        return run
            => run.Write(Value.Text(filters.Aggregate((object?)run.Captured(() => run.Inside(() => run.Do(body))), (v, filter) => filter(run, v)), run.Budget));
    }

    /// <remarks>transformers marks what the assistant said; the text is the same.</remarks>
    private Statement Generation()
    {
        cursor.End(TokenKind.BlockEnd);
        var body = Until(["endgeneration"], out _);
        cursor.End(TokenKind.BlockEnd);
        return run => run.Do(body);
    }

    private Statement Leave(Jump jump, string word)
    {
        cursor.End(TokenKind.BlockEnd);
        return loops > 0 ? run => run.Jump = jump : throw cursor.Fault($"'{word}' outside of a loop");
    }

    private List<string> Targets()
    {
        var parenthesised = cursor.TakeSign("(");
        List<string> targets = [cursor.Name()];
        while (cursor.TakeSign(","))
        {
            targets.Add(cursor.Name());
        }

        if (parenthesised)
        {
            cursor.Expect(")");
        }

        return targets;
    }

    private static void Assign(TemplateRun run, IReadOnlyList<string> targets, object? value)
    {
        if (targets.Count == 1)
        {
            run.Set(targets[0], value);
            return;
        }

        var parts = Value.Items(value, run.Budget);
        if (parts.Count != targets.Count)
        {
            throw new TemplateFault($"{parts.Count} values for the {targets.Count} names {string.Join(", ", targets)}");
        }

        for (var i = 0; i < parts.Count; i++)
        {
            run.Set(targets[i], parts[i]);
        }
    }
}
