using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vitrine.Checkpoints;

/// <summary>Gives back what libtorch touched of its own code while it was loaded, most of which is read once in a process.</summary>
/// <remarks>
/// Registering its operators leaves some 50 MB of its 400 MB of code resident, linking 7 MB of names, and opening and reading a prompt 19 MB more than the
/// tokens behind it need. The pages of a file come back from the system's cache when they are needed, which few are. Only what nobody writes into is given
/// back: the segments that are executed, and the names of its symbols, wherever they lie. Format: System V ABI, chapter 5, program header, dynamic section.
/// </remarks>
internal static unsafe partial class LoadedCode
{
    private const string Library = "libtorch_cpu.so";
    private const int DontNeed = 4;
    private static readonly Lazy<IReadOnlyList<CodeStretch>> Stretches = new(Found);

    /// <summary>Gives back what is resident now; libtorch has been used before.</summary>
    public static void Release()
    {
        foreach (var (begin, end) in Stretches.Value)
        {
            _ = Advise(begin, (nuint)(end - begin), DontNeed);
        }
    }

    /// <summary>The same, once in a process for each place that asks: a later model, or prompt, needs what is resident by then.</summary>
    /// <param name="done">The place's own; not 0 once it has asked.</param>
    public static void ReleaseOnce(ref int done)
    {
        if (Interlocked.Exchange(ref done, 1) == 0)
        {
            Release();
        }
    }

    /// <summary>Whole pages of the library that nobody writes into; none where it is not loaded, or on another system.</summary>
    internal static IReadOnlyList<CodeStretch> Found()
    {
        var found = new List<CodeStretch>();
        if (OperatingSystem.IsLinux() && nint.Size == sizeof(long))
        {
            var handle = GCHandle.Alloc(found);
            _ = Iterate(&Take, GCHandle.ToIntPtr(handle));
            handle.Free();
        }

        return found;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Take(LibraryInfo* library, nuint size, nint found)
    {
        if (Marshal.PtrToStringUTF8(library->Name)?.EndsWith($"/{Library}", StringComparison.Ordinal) != true)
        {
            return 0;
        }

        var stretches = (List<CodeStretch>)GCHandle.FromIntPtr(found).Target!;
        foreach (ref readonly var segment in new ReadOnlySpan<Segment>(library->Segments, library->SegmentCount))
        {
            var begin = library->Base + segment.Address;
            if (segment is { Type: Segment.Loaded, Flags: Segment.Readable | Segment.Executable })
            {
                Add(stretches, begin, begin + segment.Size);
            }
            else if (segment.Type == Segment.Dynamic)
            {
                var (names, length) = NamesOf((DynamicEntry*)begin);
                Add(stretches, names, names + length);
            }
        }

        return 1;
    }

    /// <summary>Where the names of symbols lie, as the linker has relocated it, and their bytes.</summary>
    private static (nint Names, nint Length) NamesOf(DynamicEntry* entry)
    {
        (nint names, nint length) = (0, 0);
        for (; entry->Tag != 0; entry++)
        {
            names = entry->Tag == DynamicEntry.Names ? entry->Value : names;
            length = entry->Tag == DynamicEntry.NamesLength ? entry->Value : length;
        }

        return (names, length);
    }

    private static void Add(List<CodeStretch> stretches, nint begin, nint end)
    {
        nint page = Environment.SystemPageSize;
        (begin, end) = ((begin + page - 1) / page * page, end / page * page);
        if (begin < end)
        {
            stretches.Add(new CodeStretch(begin, end));
        }
    }

    [LibraryImport("libc", EntryPoint = "dl_iterate_phdr")]
    private static partial int Iterate(delegate* unmanaged[Cdecl]<LibraryInfo*, nuint, nint, int> take, nint found);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint begin, nuint length, int advice);

    /// <summary>dl_phdr_info.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct LibraryInfo
    {
        public nint Base;
        public nint Name;
        public Segment* Segments;
        public ushort SegmentCount;
    }

    /// <summary>Elf64_Phdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Segment
    {
        public const uint Loaded = 1, Dynamic = 2, Executable = 1, Readable = 4;
        public uint Type;
        public uint Flags;
        public nint Offset;
        public nint Address;
        public nint PhysicalAddress;
        public nint FileSize;
        public nint Size;
        public nint Alignment;
    }

    /// <summary>Elf64_Dyn.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct DynamicEntry
    {
        public const long Names = 5, NamesLength = 10;
        public long Tag;
        public nint Value;
    }
}

/// <summary>Whole pages of a library.</summary>
/// <param name="Begin">The first byte.</param>
/// <param name="End">Behind the last.</param>
internal sealed record CodeStretch(nint Begin, nint End);
