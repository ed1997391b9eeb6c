namespace Vitrine.Inputs.Chat;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c>, <c>assistant</c>, <c>tool</c>, or what the template knows.</param>
/// <param name="Content">What is said.</param>
public sealed record ChatMessage(string Role, string Content)
{
    /// <summary>
    /// Pictures that are shown in front of what is said. Null where the template takes texts alone; otherwise, also for 0, the template is given a list of
    /// parts, each with a <c>type</c>, as transformers' processors give it.
    /// </summary>
    public int? Pictures { get; init; }
}
