using Vitrine.Transformers.Points;

namespace Vitrine.Transformers;

/// <summary>What was to be an answer is no number, or infinite: logits, an action, a metric. The message says where it came from.</summary>
/// <remarks>A model that was opened with <see cref="ModelOptions.AllowNonFinite"/> gives such answers instead.</remarks>
public sealed class NonFiniteException : VitrineException
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">What was not finite, and where.</param>
    /// <param name="first">The first point of the pass that was not finite.</param>
    /// <param name="row">Of the batch.</param>
    public NonFiniteException(string message, Address? first = null, int? row = null)
        : base(message) => (First, Row) = (first, row);

    private NonFiniteException(string message, NonFiniteException inner)
        : base(message, inner) => (First, Row) = (inner.First, inner.Row);

    /// <summary>The first point of the pass that was not finite; null where every point was, or none was looked at.</summary>
    public Address? First { get; }

    /// <summary>Row of the batch; null where it is not known.</summary>
    public int? Row { get; }

    /// <summary>The same error, with the place where it happened in front.</summary>
    public NonFiniteException In(string place) => new($"{place}: {Message}", this);
}
