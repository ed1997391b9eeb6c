namespace Vitrine.Mechanisms.Experts;

/// <summary>A direction in which an action may be moved: one of its numbers, up or down.</summary>
/// <param name="Name">As it was asked for, e.g. <c>+z</c>.</param>
/// <param name="Dimension">Which number of an action.</param>
/// <param name="Sign">1 or -1.</param>
public sealed record ActionDirection(string Name, int Dimension, int Sign)
{
    private static readonly string[] Grips = ["grip", "gripper"];

    /// <summary>Whether a text has the form of a direction, whatever the policy's numbers are called.</summary>
    public static bool IsOne(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length > 1 && text[0] is '+' or '-' || Verb(text) is not null;
    }

    /// <summary>Reads <c>+z</c>, <c>-dx</c>, <c>+3</c>, <c>open gripper</c> or <c>close gripper</c>.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="names">What the numbers of an action are, in order; <c>+z</c> is <c>+dz</c> where there is no <c>z</c>.</param>
    /// <remarks>A gripper is opened by larger numbers, as in the tabletop; a robot that counts the other way is asked by sign.</remarks>
    /// <exception cref="VitrineException">It is no direction, or the actions have no such number; the known ones are named.</exception>
    public static ActionDirection Parse(string text, IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(names);
        var known = string.Join(", ", names.Select(n => $"+{n}"));
        if (Verb(text) is { } sign)
        {
            return Of(Grips, sign) ?? throw new VitrineException($"direction '{text}': these actions have no gripper; known are {known} and the same with -.");
        }

        return text is ['+' or '-', _, ..]
            ? Of([text[1..], $"d{text[1..]}"], text[0] == '+' ? 1 : -1)
                ?? throw new VitrineException(
                    $"direction '{text}': is none of these actions; known are {known} and the same with -; the nearest is "
                        + $"'{text[0]}{Nearest.Of(text[1..], names)}'.")
            : throw new VitrineException($"direction '{text}': expected a sign and a number of the action, e.g. +z; known are {known} and the same with -.");

        ActionDirection? Of(string[] spelt, int towards)
        {
            var found = spelt.Select(s => Enumerable.Range(0, names.Count).FirstOrDefault(i => names[i] == s, -1)).FirstOrDefault(i => i >= 0, -1);
            return found < 0 ? null : new ActionDirection(text, found, towards);
        }
    }

    private static int? Verb(string text) => text.Split(' ', '-') is [var verb, var what] && Grips.Contains(what)
        ? verb switch { "open" => 1, "close" => -1, _ => null }
        : null;
}
