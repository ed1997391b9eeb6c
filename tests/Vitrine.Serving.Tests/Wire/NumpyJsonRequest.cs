using Vitrine.Policies;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Tests.Wire;

/// <summary>An observation as OFT's clients write it.</summary>
internal static class NumpyJsonRequest
{
    public static byte[] Of(Observation seen) => System.Text.Encoding.UTF8.GetBytes(NumpyJson.WritePython(new WireMap
    {
        ["full_image"] = WireArray.Of(seen.Picture),
        ["state"] = WireArray.Of([.. seen.State.Values.Single().Values], WireDtype.Double, seen.State.Values.Single().Values.Count),
        ["instruction"] = seen.Instruction,
    }));
}
