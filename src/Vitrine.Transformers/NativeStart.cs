using System.Runtime.CompilerServices;
using Vitrine.Checkpoints;

namespace Vitrine.Transformers;

/// <summary>Prepares the process before the first tensor of this library's user, which may be the device of <see cref="ModelOptions"/>.</summary>
internal static class NativeStart
{
#pragma warning disable CA2255 // As in NativeCompute: a library must act before its user's first tensor.
    [ModuleInitializer]
    internal static void Prepare() => NativeCompute.Prepare();
#pragma warning restore CA2255
}
