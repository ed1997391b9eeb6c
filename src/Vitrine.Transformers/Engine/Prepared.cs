using System.Runtime.CompilerServices;
using Vitrine.Checkpoints;

namespace Vitrine.Transformers.Engine;

/// <summary>Makes the process ready for libtorch before this library touches it: options of a model name a device before any checkpoint is opened.</summary>
internal static class Prepared
{
#pragma warning disable CA2255 // As in Vitrine.Checkpoints: a library must act before its user's first tensor.
    [ModuleInitializer]
    internal static void Prepare() => NativeCompute.Prepare();
#pragma warning restore CA2255
}
