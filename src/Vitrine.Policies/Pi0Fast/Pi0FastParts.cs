using Vitrine.Inputs.Pictures;
using Vitrine.Policies.Actions;
using Vitrine.Transformers.Engine;

namespace Vitrine.Policies.Pi0Fast;

/// <summary>What pi0-FAST is made of.</summary>
/// <param name="Vision">Sees pictures.</param>
/// <param name="Connector">Makes tokens of what it saw.</param>
/// <param name="Language">Reads, and says the chunk.</param>
/// <param name="Recipe">From a camera's picture to pixels.</param>
/// <param name="Fast">Chunks as tokens.</param>
/// <param name="Speech">Those among the words.</param>
/// <param name="MostTokens">That it says.</param>
/// <param name="MustOpen">Whether what it says must begin as it was trained to.</param>
internal sealed record Pi0FastParts(
    Tower Vision, Connector Connector, Decoder Language, PictureRecipe Recipe, FastTokenizer Fast, FastSpeech Speech, int MostTokens, bool MustOpen);
