namespace Vitrine.Checkpoints;

/// <summary>What one key of a file beside the weights does.</summary>
/// <param name="File">Name of the file.</param>
/// <param name="Key">The key; a.b for one inside an object.</param>
/// <param name="Treatment">Whether it is applied, refused or bookkeeping.</param>
/// <param name="Effect">What it changes, in words; for a key that changes nothing, why.</param>
/// <param name="Since">Version of Vitrine (CHANGELOG heading) that reads it.</param>
public sealed record CompanionKey(string File, string Key, KeyTreatment Treatment, string Effect, string Since);

/// <summary>How a key of a file beside the weights is treated.</summary>
public enum KeyTreatment
{
    /// <summary>Its value is applied as the reference applies it.</summary>
    Applied,

    /// <summary>A value that would change numbers is refused, by file and key.</summary>
    Refused,

    /// <summary>It changes no number.</summary>
    Bookkeeping,
}
