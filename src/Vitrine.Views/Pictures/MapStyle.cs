namespace Vitrine.Views;

/// <summary>How a map lies over its picture.</summary>
public enum MapStyle
{
    /// <summary>The picture under a dark veil that lifts as far as the number is large; for numbers that are not negative.</summary>
    Veil,

    /// <summary>Teal where the number is positive, orange where it is negative, dark where it is near zero.</summary>
    Signed,
}
