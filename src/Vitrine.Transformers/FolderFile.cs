namespace Vitrine.Transformers;

/// <summary>One file of a model's folder.</summary>
/// <param name="Name">Its name; a folder ends with a slash.</param>
/// <param name="IsRead">Whether it has a part in what the model computes here.</param>
/// <param name="Why">What for, or why not.</param>
public sealed record FolderFile(string Name, bool IsRead, string Why);
