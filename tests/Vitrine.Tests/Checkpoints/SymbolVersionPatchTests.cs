using System.Buffers.Binary;
using System.Text;
using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Tests.Checkpoints;

public sealed class SymbolVersionPatchTests
{
    private const string Symbol = "_ZSt21ios_base_library_initv", Other = "another_symbol", OtherVersion = "GLIBCXX_3.4.29";

    // A small ELF file: 64 bytes of header, then symbols, versions, names, section headers.
    private const int Symbols = 64, SymbolSize = 24, Versions = Symbols + (2 * SymbolSize), Names = Versions + 16 + (2 * 16);
    private const int Sections = Names + 128, SectionSize = 64;

    [Fact]
    public void Libtorch_computes_in_this_process()
    {
        NativeCompute.Prepare();
        using var two = ones(2, 3).sum();
        two.item<float>().ShouldBe(6);
    }

    [Fact]
    public void A_file_that_is_no_library_is_refused_by_name()
        => Should.Throw<VitrineException>(() => SymbolVersionPatch.Weaken(new byte[128])).Message.ShouldContain("libLibTorchSharp.so");

    [Fact]
    public void The_marker_symbol_and_its_version_become_weak_and_nothing_else_changes()
    {
        var (before, after) = (Library(), Library());
        SymbolVersionPatch.Weaken(after).ShouldBeTrue();
        after[Symbols + 4].ShouldBe((byte)0x22, "weak, still a function");
        BinaryPrimitives.ReadUInt16LittleEndian(after.AsSpan(Versions + 16 + 4)).ShouldBe((ushort)2, "the need for the version is weak");
        Enumerable.Range(0, before.Length).Where(i => before[i] != after[i]).ShouldBe([Symbols + 4, Versions + 16 + 4]);
    }

    [Fact]
    public void A_patched_file_stays_as_it_is()
    {
        var image = Library();
        SymbolVersionPatch.Weaken(image);
        var once = image.ToArray();
        SymbolVersionPatch.Weaken(image).ShouldBeFalse();
        image.ShouldBe(once);
    }

    [Fact]
    public void Broken_tables_are_refused()
    {
        var image = Library();
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(Sections + 0x18), 1 << 20);
        Should.Throw<VitrineException>(() => SymbolVersionPatch.Weaken(image)).Message.ShouldContain("broken ELF tables");
    }

    [Fact]
    public void A_file_is_replaced_not_written_in_place()
    {
        var folder = Directory.CreateTempSubdirectory("vitrine-").FullName;
        var (path, package) = (Path.Combine(folder, "libLibTorchSharp.so"), Path.Combine(folder, "package.so"));
        File.WriteAllBytes(package, Library());
        File.CreateSymbolicLink(path, package);
        SymbolVersionPatch.Apply(path).ShouldBeTrue();
        File.ReadAllBytes(package).ShouldBe(Library(), "what the file was linked from belongs to others");
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Two symbols and two needed versions, as a linker writes them (System V ABI).</summary>
    private static byte[] Library()
    {
        var image = new byte[Sections + (3 * SectionSize)];
        image.AsSpan(0, 6).Clear();
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1 }.CopyTo(image, 0);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(0x28), Sections);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x3a), SectionSize);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x3c), 3);
        var next = Names + 1;
        uint Name(string text)
        {
            Encoding.ASCII.GetBytes(text, image.AsSpan(next));
            var at = next - Names;
            next += text.Length + 1;
            return (uint)at;
        }

        foreach (var (i, symbol) in new[] { Symbol, Other }.Index())
        {
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(Symbols + (i * SymbolSize)), Name(symbol));
            image[Symbols + (i * SymbolSize) + 4] = 0x12; // global, function
        }

        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(Versions + 2), 2);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(Versions + 8), 16);
        foreach (var (i, version) in new[] { SymbolVersionPatch.Version, OtherVersion }.Index())
        {
            var entry = image.AsSpan(Versions + 16 + (i * 16));
            BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], Name(version));
            BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], i == 0 ? 16u : 0);
        }

        Section(0, type: 11, Symbols, 2 * SymbolSize);
        Section(1, type: 0x6ffffffe, Versions, 48);
        Section(2, type: 3, Names, 128);
        return image;

        void Section(int index, uint type, int offset, int size)
        {
            var header = image.AsSpan(Sections + (index * SectionSize));
            BinaryPrimitives.WriteUInt32LittleEndian(header[4..], type);
            BinaryPrimitives.WriteUInt64LittleEndian(header[0x18..], (ulong)offset);
            BinaryPrimitives.WriteUInt64LittleEndian(header[0x20..], (ulong)size);
            BinaryPrimitives.WriteUInt32LittleEndian(header[0x28..], 2);
        }
    }
}
