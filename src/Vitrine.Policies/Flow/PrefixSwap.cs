namespace Vitrine.Policies.Flow;

/// <summary>Which rows of a prompt.</summary>
[System.Text.Json.Serialization.JsonConverter(typeof(System.Text.Json.Serialization.JsonStringEnumConverter<SwappedRows>))]
public enum SwappedRows
{
    /// <summary>Words that differ between the two instructions.</summary>
    Words,

    /// <summary>The state's token.</summary>
    State,

    /// <summary>Tokens of pictures.</summary>
    Image,

    /// <summary>All but the words that differ.</summary>
    Others,

    /// <summary>All.</summary>
    All,

    /// <summary>All, but of them their keys alone: where the expert looks.</summary>
    Keys,

    /// <summary>All, but of them their values alone: what it gets there.</summary>
    Values,

    /// <summary>
    /// Words that differ, moved as far as the other instruction would move them, but in a random direction that <see cref="PrefixSwap.Draw"/> decides: the
    /// control of an exchange.
    /// </summary>
    Random,
}

/// <summary>Keys and values that an expert reads of another instruction instead, for the same pictures and state (interchange, activation patching).</summary>
/// <param name="Word">What stands behind the instruction in whose place the policy's own was read.</param>
/// <param name="Layers">Of the expert, from 0.</param>
/// <param name="Rows">Which rows of the prompt.</param>
public sealed record PrefixSwap(string Word, IReadOnlyList<int> Layers, SwappedRows Rows = SwappedRows.Words)
{
    /// <summary>Decides the direction of <see cref="SwappedRows.Random"/>; other rows need none.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingDefault)]
    public int Draw { get; init; }

    /// <summary>Two that swap the same are equal.</summary>
    public bool Equals(PrefixSwap? other)
        => other is not null && Word == other.Word && Rows == other.Rows && Draw == other.Draw && Layers.SequenceEqual(other.Layers);

    /// <summary>In one word, e.g. <c>quickly@1@Words</c>.</summary>
    public override string ToString() => $"{Word}@{string.Join(',', Layers)}@{Rows}{(Rows == SwappedRows.Random ? $"{Draw}" : "")}";

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Word, Rows, Draw, Layers.Count);
}
