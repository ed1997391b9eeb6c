using System.Runtime.CompilerServices;
using Vitrine.Checkpoints;

namespace Vitrine.Serving.Tests;

internal static class Native
{
    /// <summary>Before any test touches libtorch, whichever runs first.</summary>
    [ModuleInitializer]
    internal static void Prepare() => NativeCompute.Prepare();
}
