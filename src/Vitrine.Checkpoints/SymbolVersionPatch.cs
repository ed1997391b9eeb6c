using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Vitrine.Checkpoints;

/// <summary>Lets the C++ bridge of TorchSharp load where the system's libstdc++ is older than the one it was linked with.</summary>
/// <remarks>
/// <c>libLibTorchSharp.so</c> 0.107.0 needs one symbol of version <c>GLIBCXX_3.4.32</c>: <c>_ZSt21ios_base_library_initv</c>, a marker that nothing calls.
/// Where the system lacks that version, the copy in the program's own folder gets two flags: the symbol becomes weak (<c>STB_WEAK</c>) and so does the
/// need for its version (<c>VER_FLG_WEAK</c> in the vernaux entry; System V ABI, "Symbol Versioning"). Packages and newer systems are not touched.
/// </remarks>
internal static partial class SymbolVersionPatch
{
    internal const string Version = "GLIBCXX_3.4.32";
    private const string Symbol = "_ZSt21ios_base_library_initv";
    private const string Bridge = "libLibTorchSharp.so";
    private const uint SectionDynSym = 11, SectionVersionNeed = 0x6ffffffe;
    private const byte BindWeak = 2;
    private const ushort FlagWeak = 2;

    /// <summary>Patches the bridge below a program's folder, when and only when this system's libstdc++ is too old for it.</summary>
    /// <exception cref="VitrineException">The copy cannot be written.</exception>
    public static void ApplyWhereNeeded(string folder)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64 || SystemHasTheVersion())
        {
            return;
        }

        foreach (var path in new[] { Path.Combine(folder, Bridge), Path.Combine(folder, "runtimes", "linux-x64", "native", Bridge) })
        {
            if (File.Exists(path))
            {
                Apply(path);
            }
        }
    }

    /// <summary>Patches one file; a file that is already patched stays as it is.</summary>
    /// <returns>Whether the file was changed.</returns>
    /// <remarks>The file may be a hard link to the package's own: it is replaced by a rename, never written in place.</remarks>
    public static bool Apply(string path)
    {
        var image = File.ReadAllBytes(path);
        if (!Weaken(image))
        {
            return false;
        }

        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            File.WriteAllBytes(temporary, image);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException(
                $"{path}: this system's libstdc++ lacks {Version}, so the library must be adapted once, but its folder cannot be written ({e.Message}). " +
                "Run once as a user who may write there, or install a libstdc++ of GCC 13 or newer.", e);
        }

        return true;
    }

    /// <summary>Sets the two weak flags in an ELF image.</summary>
    /// <returns>False when there was nothing to change.</returns>
    /// <exception cref="VitrineException">The bytes are not the 64-bit little-endian ELF library that is expected.</exception>
    internal static bool Weaken(Span<byte> image)
    {
        if (image.Length < 64 || image[0] != 0x7f || image[1] != 'E' || image[2] != 'L' || image[3] != 'F' || image[4] != 2 || image[5] != 1)
        {
            throw new VitrineException($"{Bridge}: not a 64-bit little-endian ELF file.");
        }

        var changed = false;
        try
        {
            var sections = Sections(image);
            foreach (var section in sections)
            {
                if (section.Type == SectionDynSym)
                {
                    changed |= WeakenSymbol(image, section, sections[(int)section.Link]);
                }
                else if (section.Type == SectionVersionNeed)
                {
                    changed |= WeakenVersion(image, section, sections[(int)section.Link]);
                }
            }
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or IndexOutOfRangeException or OverflowException)
        {
            throw new VitrineException($"{Bridge}: broken ELF tables; restore the TorchSharp package again.", e);
        }

        return changed;
    }

    private readonly record struct Section(uint Type, int Offset, int Size, uint Link);

    private static Section[] Sections(ReadOnlySpan<byte> image)
    {
        var table = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(image[0x28..]));
        var entry = BinaryPrimitives.ReadUInt16LittleEndian(image[0x3a..]);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(image[0x3c..]);
        var sections = new Section[count];
        for (var i = 0; i < count; i++)
        {
            var header = image[(table + (i * entry))..];
            sections[i] = new Section(
                BinaryPrimitives.ReadUInt32LittleEndian(header[4..]),
                checked((int)BinaryPrimitives.ReadUInt64LittleEndian(header[0x18..])),
                checked((int)BinaryPrimitives.ReadUInt64LittleEndian(header[0x20..])),
                BinaryPrimitives.ReadUInt32LittleEndian(header[0x28..]));
        }

        return sections;
    }

    private static bool WeakenSymbol(Span<byte> image, Section symbols, Section names)
    {
        const int EntrySize = 24;
        var changed = false;
        for (var at = symbols.Offset; at < symbols.Offset + symbols.Size; at += EntrySize)
        {
            var name = names.Offset + (int)BinaryPrimitives.ReadUInt32LittleEndian(image[at..]);
            if (StartsWith(image, name, Symbol) && image[at + 4] >> 4 != BindWeak)
            {
                image[at + 4] = (byte)((BindWeak << 4) | (image[at + 4] & 0xf));
                changed = true;
            }
        }

        return changed;
    }

    private static bool WeakenVersion(Span<byte> image, Section needs, Section names)
    {
        var changed = false;
        for (var need = needs.Offset; ;)
        {
            var count = BinaryPrimitives.ReadUInt16LittleEndian(image[(need + 2)..]);
            var aux = need + (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(need + 8)..]);
            for (var i = 0; i < count; i++)
            {
                var flags = BinaryPrimitives.ReadUInt16LittleEndian(image[(aux + 4)..]);
                var name = names.Offset + (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(aux + 8)..]);
                if (StartsWith(image, name, Version) && (flags & FlagWeak) == 0)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(image[(aux + 4)..], (ushort)(flags | FlagWeak));
                    changed = true;
                }

                aux += (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(aux + 12)..]);
            }

            var next = (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(need + 12)..]);
            if (next == 0)
            {
                return changed;
            }

            need += next;
        }
    }

    private static bool StartsWith(ReadOnlySpan<byte> image, int at, string text)
    {
        var expected = Encoding.ASCII.GetBytes(text + "\0");
        return image.Slice(at, Math.Min(expected.Length, image.Length - at)).SequenceEqual(expected);
    }

    internal static bool SystemHasTheVersion()
    {
        if (!NativeLibrary.TryLoad("libstdc++.so.6", out var handle))
        {
            return true; // Nothing to judge by: leave the library alone and let the loader speak.
        }

        try
        {
            return VersionedSymbol(handle, Symbol, Version) != 0;
        }
        catch (EntryPointNotFoundException)
        {
            return true;
        }
    }

    [LibraryImport("libc.so.6", EntryPoint = "dlvsym", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint VersionedSymbol(nint handle, string symbol, string version);
}
