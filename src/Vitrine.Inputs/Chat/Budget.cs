namespace Vitrine.Inputs.Chat;

/// <summary>What a template may spend: a hostile one ends in an error, not in a full memory or an endless loop.</summary>
internal sealed class Budget
{
    public const int LongestText = 1 << 24;
    private const int Steps = 4_000_000;
    private const int Deepest = 64;

    private int steps;
    private int depth;

    public void Step(int count = 1)
    {
        steps += count;
        if (steps > Steps || count > Steps)
        {
            throw new TemplateFault($"the template takes more than {Steps} steps");
        }
    }

    /// <summary>Counts one level down; call <see cref="Leave"/> after.</summary>
    public void Enter()
    {
        Step();
        if (++depth > Deepest)
        {
            throw new TemplateFault($"the template nests deeper than {Deepest}");
        }
    }

    public void Leave() => depth--;

    public static int Length(long length)
        => length <= LongestText ? (int)length : throw new TemplateFault($"a text or list of the template is longer than {LongestText}");
}
