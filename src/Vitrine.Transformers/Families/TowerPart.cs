namespace Vitrine.Transformers.Families;

/// <summary>Where the image tower stands in a larger model's file.</summary>
/// <remarks>
/// Hub files say <c>vision_tower.vision_model.</c>, those that transformers has saved since 4.52 put <c>model.</c> in front of every part, and those of 5.23
/// leave the <c>vision_model.</c> out.
/// </remarks>
internal static class TowerPart
{
    /// <summary>What stands in front of the names of all parts but the decoder's head: nothing, or <c>model.</c></summary>
    public static string Outer(WeightReader weights)
        => weights.Has("model.multi_modal_projector.linear.weight") || weights.Has("model.multi_modal_projector.linear_1.weight") ? "model." : "";

    /// <summary>What stands in front of <c>embeddings.</c></summary>
    public static string Prefix(WeightReader weights)
    {
        var outer = $"{Outer(weights)}vision_tower.";
        return weights.Has($"{outer}embeddings.patch_embedding.weight") ? outer : $"{outer}vision_model.";
    }
}
