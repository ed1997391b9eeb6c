namespace Vitrine.Checkpoints;

/// <summary>What one key of a file beside the weights does.</summary>
/// <param name="File">Name of the file.</param>
/// <param name="Key">The key; a.b for one inside an object.</param>
/// <param name="Treatment">Whether it is applied, refused or passed over.</param>
/// <param name="Effect">What it changes, in words; for a key that changes nothing, why.</param>
/// <param name="Since">Version of Vitrine (CHANGELOG heading) that reads it.</param>
public sealed record CompanionKey(string File, string Key, KeyTreatment Treatment, string Effect, string Since);

/// <summary>What a reader does with a key.</summary>
public enum KeyTreatment
{
    /// <summary>Its value is checked, and acts as in the reference.</summary>
    Applied,

    /// <summary>A value that would change a number is refused by file and key; what says nothing (null, the reference's default) passes.</summary>
    Refused,

    /// <summary>It changes no number: its value is not looked at.</summary>
    Bookkeeping,
}
