using Vitrine.Inputs.Pictures;

namespace Vitrine.Transformers;

/// <summary>A prompt with pictures.</summary>
/// <param name="Text">
/// With one placeholder for each picture, as the model's tokenizer spells it (e.g. <c>&lt;image&gt;</c>); some families put pictures in front of a text without
/// one.
/// </param>
/// <param name="Pictures">In the order of their placeholders; none for words alone.</param>
public sealed record PicturePrompt(string Text, params IReadOnlyList<Picture> Pictures);
