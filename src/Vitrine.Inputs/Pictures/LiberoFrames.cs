namespace Vitrine.Inputs.Pictures;

/// <summary>What OpenVLA's evaluation does to a LIBERO frame before the checkpoint's own recipe.</summary>
/// <remarks>
/// Source: openvla, experiments/robot/libero/libero_utils.py and openvla_utils.py. TensorFlow decodes JPEG with its fast integer DCT, so its round trip may
/// differ from this one by a level.
/// </remarks>
public static class LiberoFrames
{
    /// <summary>The steps: turned by 180 degrees, through JPEG, resized, cropped.</summary>
    /// <param name="side">Side of the square that the checkpoint sees.</param>
    /// <param name="turned">Whether the frame comes as LIBERO's camera gives it, upside down.</param>
    /// <param name="centreCrop">Whether the checkpoint was tuned with random crops, so that the middle 0.9 of the area is shown.</param>
    public static IReadOnlyList<IPictureStep> AsEvaluated(int side = 224, bool turned = true, bool centreCrop = true)
    {
        IReadOnlyList<IPictureStep> steps = [new HalfTurn(), new JpegRoundTrip(95), new LanczosResize(side, side), new CentreAreaCrop(0.9, side, side)];
        return [.. steps.Where(s => (turned || s is not HalfTurn) && (centreCrop || s is not CentreAreaCrop))];
    }
}
