using System.Runtime.InteropServices;

namespace Vitrine.Checkpoints;

/// <summary>Switches libtorch's NNPACK off, as torch.backends.nnpack does in Python; TorchSharp has no door to it.</summary>
/// <remarks>
/// Where a processor lacks what NNPACK asks for, the first convolution of a process writes "Could not initialize NNPACK!" on standard error and takes another
/// kernel. Switched off, it takes that kernel without a word. A library without these symbols (Windows, other releases) is left as it is.
/// </remarks>
public static class Nnpack
{
    private static readonly Lazy<bool> Switched = new(TrySwitch);

    /// <summary>Switches it off, once libtorch is loaded; later calls do nothing.</summary>
    /// <returns>Whether it is off now.</returns>
    public static bool SwitchOff() => Switched.Value;

    private static unsafe bool TrySwitch()
    {
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libtorch_cpu.so", out var library)
            || !NativeLibrary.TryGetExport(library, "_ZN2at13globalContextEv", out var context)
            || !NativeLibrary.TryGetExport(library, "_ZN2at7Context20setUserEnabledNNPACKEb", out var set)
            || !NativeLibrary.TryGetExport(library, "_ZNK2at7Context17userEnabledNNPACKEv", out var get))
        {
            return false;
        }

        var global = ((delegate* unmanaged<nint>)context)();
        ((delegate* unmanaged<nint, byte, void>)set)(global, 0);
        return ((delegate* unmanaged<nint, byte>)get)(global) == 0;
    }
}
