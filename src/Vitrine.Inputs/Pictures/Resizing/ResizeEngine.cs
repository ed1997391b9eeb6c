namespace Vitrine.Inputs.Pictures;

/// <summary>
/// Whose arithmetic a recipe follows on 8-bit pictures. The engines differ by a grey level here and there, by more where passes change places.
/// </summary>
public enum ResizeEngine
{
    /// <summary>Pillow up to 12: the processors' slow classes, torchvision on Pillow pictures, openpi's client.</summary>
    Pillow12,

    /// <summary>Pillow 13, which runs the vertical pass of some shapes first.</summary>
    Pillow13,

    /// <summary>
    /// torch on 8-bit tensors: the processors' fast classes. Releases of torch without a Lanczos filter took bicubic in its place; this is the one with it.
    /// </summary>
    Torchvision,
}
