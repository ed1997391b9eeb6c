using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vitrine.Checkpoints;

/// <summary>Makes the process ready for libtorch, once and before it is loaded.</summary>
/// <remarks>
/// Two things have to happen first. The C++ bridge of TorchSharp asks for the symbol version <c>GLIBCXX_3.4.32</c>, which older systems
/// (Debian 12, Ubuntu 22.04) lack: see <see cref="SymbolVersionPatch"/>. And libtorch reads OpenMP's settings from the native environment,
/// which <see cref="Environment.SetEnvironmentVariable(string, string?)"/> does not reach on Unix.
/// This runs by itself when the first type of this library is used; a program that touches TorchSharp before that calls <see cref="Prepare"/>.
/// </remarks>
public static partial class NativeCompute
{
    private static readonly Lazy<bool> Prepared = new(PrepareOnce);
    private static int isLoading;

    /// <summary>Prepares the process; later calls do nothing.</summary>
    /// <exception cref="VitrineException">The bridge cannot be made loadable, with the reason.</exception>
    public static void Prepare() => _ = Prepared.Value;

#pragma warning disable CA2255 // The one place where a library must act before its user's first tensor.
    [ModuleInitializer]
    internal static void PrepareWithTheLibrary() => Prepare();
#pragma warning restore CA2255

    /// <summary>
    /// Begins to load libtorch, which takes some .2 s, on another thread, while the caller reads a model's head; does nothing where the process has one core or
    /// <c>OMP_NUM_THREADS</c> is 1. Opening a model calls it; later calls do nothing.
    /// </summary>
    public static void LoadAhead()
    {
        if (Environment.ProcessorCount == 1 || Environment.GetEnvironmentVariable("OMP_NUM_THREADS") == "1" || Interlocked.Exchange(ref isLoading, 1) != 0)
        {
            return;
        }

        BindWhatReads();
        // A thread of its own: it keeps the number of threads that it computes with, see ComputeThreads.
        new Thread(Load) { IsBackground = true, Name = "vitrine loads libtorch" }.Start();

        static void Load()
        {
            try
            {
                _ = TorchSharp.torch.get_num_threads();
            }
            catch (Exception e) when (e is TypeInitializationException or TypeLoadException or BadImageFormatException or NotSupportedException)
            {
                // Whoever uses libtorch is told.
            }
        }
    }

    /// <summary>Calls what a head is read with once.</summary>
    /// <remarks>
    /// The linker holds its lock while libtorch's initialisers run: a thread that calls a function of the system's for the first time waits until they are over
    /// (dlsym takes the same lock in glibc).
    /// </remarks>
    private static void BindWhatReads()
    {
        ArrayPool<byte>.Shared.Return(ArrayPool<byte>.Shared.Rent(1));
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        _ = HashCode.Combine(File.Exists(here.FullName), here.LinkTarget, here.EnumerateFiles("*", new EnumerationOptions { IgnoreInaccessible = true }).Any());
    }

    private static bool PrepareOnce()
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        SetUnlessChosen("OMP_WAIT_POLICY", "PASSIVE");
        SetUnlessChosen("MKL_CBWR", "AUTO"); // else the last bits of MKL's sums hang on where a matrix lies in memory
        KeepTheHeap();
        SymbolVersionPatch.ApplyWhereNeeded(AppContext.BaseDirectory);
        return true;
    }

    private static void SetUnlessChosen(string name, string value) => _ = SetEnv(name, value, overwrite: 0);

    /// <remarks>Fresh pages are the dearest thing on a virtual machine: large tensors come from the heap, and the heap is kept.</remarks>
    private static void KeepTheHeap()
    {
        const int TrimThreshold = -1, MmapThreshold = -3;
        if (Environment.GetEnvironmentVariable("MALLOC_MMAP_THRESHOLD_") is null && Environment.GetEnvironmentVariable("MALLOC_TRIM_THRESHOLD_") is null)
        {
            try
            {
                _ = MallOpt(MmapThreshold, 1 << 30);
                _ = MallOpt(TrimThreshold, int.MaxValue);
            }
            catch (EntryPointNotFoundException)
            {
                // musl has no mallopt; the default heap is right there.
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallOpt(int parameter, int value);
}
