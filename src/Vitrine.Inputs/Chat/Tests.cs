using System.Numerics;

namespace Vitrine.Inputs.Chat;

/// <summary>A test: what stands behind <c>is</c>.</summary>
internal delegate bool Test(object? value, Arguments arguments);

/// <summary>The tests of Jinja.</summary>
internal static class Tests
{
    /// <summary>A test by its name; null where it is not computed.</summary>
    public static Test? Find(string name) => name switch
    {
        "defined" => (v, _) => v is not Undefined,
        "undefined" => (v, _) => v is Undefined,
        "none" => (v, _) => v is null,
        "boolean" => (v, _) => v is bool,
        "true" => (v, _) => v is true,
        "false" => (v, _) => v is false,
        "integer" => (v, _) => v is long or BigInteger,
        "float" => (v, _) => v is double,
        "number" => (v, _) => v is long or BigInteger or double or bool,
        "string" => (v, _) => v is string,
        "mapping" => (v, _) => v is IReadOnlyDictionary<string, object?>,
        "sequence" or "iterable" => (v, _) => v is string or IReadOnlyList<object?> or IReadOnlyDictionary<string, object?> or Undefined,
        "callable" => (v, _) => v is Callable,
        "sameas"
            => (v, a)
                => a.Need(0, "other") is var other
                    && (v is null or bool ? Equals(v, other) : ReferenceEquals(v, other) || v is long or BigInteger or string && Equals(v, other)),
        "eq" or "equalto" => (v, a) => Value.Same(v, a.Need(0, "other"), a.Budget),
        "ne" => (v, a) => !Value.Same(v, a.Need(0, "other"), a.Budget),
        "lt" or "lessthan" => (v, a) => Value.Compare(v, a.Need(0, "other"), a.Budget) < 0,
        "le" => (v, a) => Value.Compare(v, a.Need(0, "other"), a.Budget) <= 0,
        "gt" or "greaterthan" => (v, a) => Value.Compare(v, a.Need(0, "other"), a.Budget) > 0,
        "ge" => (v, a) => Value.Compare(v, a.Need(0, "other"), a.Budget) >= 0,
        "in" => (v, a) => Value.Contains(a.Need(0, "container"), v, a.Budget),
        "even" => (v, _) => Value.AsInteger(v).IsEven,
        "odd" => (v, _) => !Value.AsInteger(v).IsEven,
        "divisibleby" => (v, a) => Value.AsInteger(a.Need(0, "num")) is var n && !n.IsZero
            ? (Value.AsInteger(v) % n).IsZero
            : throw new TemplateFault("divisibleby 0"),
        "lower" => (v, a) => Value.Text(v, a.Budget) is var s && s.Any(char.IsLetter) && s == s.ToLowerInvariant(),
        "upper" => (v, a) => Value.Text(v, a.Budget) is var s && s.Any(char.IsLetter) && s == s.ToUpperInvariant(),
        _ => null,
    };
}
