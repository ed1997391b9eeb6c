namespace Vitrine.Worlds.Studies;

/// <summary>An edit that touched nothing in all episodes of its arm.</summary>
/// <param name="Arm">Name of the arm.</param>
/// <param name="Index">Its place in the plan's list.</param>
/// <param name="Edit">In words: its place, its kind, where it acts.</param>
/// <param name="Why">What did not come.</param>
public sealed record ArmUntouchedEdit(string Arm, int Index, string Edit, string Why)
{
    /// <summary>One line: the arm, the edit, that it touched nothing, and why.</summary>
    public override string ToString() => $"arm '{Arm}', {Edit} touched nothing: {Why}";
}
