using System.Buffers.Binary;

namespace Vitrine.Checkpoints.PyTorch;

/// <summary>Reads the pickles that torch.save writes (protocols 2 to 5) as data: it can call nothing but the list of <see cref="TorchGlobals"/>.</summary>
/// <remarks>
/// Opcodes after Python's pickletools. Every opcode is read from the file's own bytes and makes at most one object, texts and containers are shared and not
/// copied, and what is copied is charged against a budget
/// of the pickle's own size: neither time nor memory can outgrow the file.
/// </remarks>
internal sealed class Unpickler
{
    private readonly PickleBytes bytes;
    private readonly TorchGlobals globals;
    private readonly List<object?> stack = [];
    private readonly Stack<int> marks = new();
    private readonly Dictionary<long, object?> memo = [];
    private long budget;

    private Unpickler(byte[] pickle, string file)
    {
        bytes = new PickleBytes(pickle, file);
        budget = (4L * pickle.Length) + 1024;
        globals = new TorchGlobals(file, Charge);
    }

    /// <returns>null, bool, long, double, string, byte[], a <see cref="Dtype"/> or one of the pickle values.</returns>
    /// <exception cref="VitrineException">It is broken, names what is not on the list, or holds an opcode that torch.save does not write.</exception>
    public static object? Read(byte[] pickle, string file) => new Unpickler(pickle, file).Run();

    private object? Run()
    {
        while (true)
        {
            var opcode = bytes.Byte();
            switch (opcode)
            {
                case 0x80: // PROTO
                    if (bytes.Byte() is var protocol && protocol is < 2 or > 5)
                    {
                        throw Broken($"pickle protocol {protocol}; read are 2 to 5");
                    }

                    break;
                case 0x95: // FRAME
                    _ = bytes.Bytes(8);
                    break;
                case (byte)'.': // STOP
                    return Pop();
                case (byte)'(':
                    marks.Push(stack.Count);
                    break;
                case (byte)'0': // POP
                    _ = Pop();
                    break;
                case (byte)'1': // POP_MARK
                    _ = ToMark();
                    break;
                case (byte)'2': // DUP
                    Push(Top());
                    break;
                case (byte)'c': // GLOBAL
                    Push(globals.Find(bytes.Line(), bytes.Line()));
                    break;
                case 0x93: // STACK_GLOBAL
                    var (name, module) = (Pop(), Pop());
                    Push(module is string m && name is string n ? globals.Find(m, n) : throw Broken("a name that is no text"));
                    break;
                case (byte)'R': // REDUCE
                    var (arguments, callable) = (Pop(), Pop());
                    Push(Call(callable, arguments));
                    break;
                case 0x81: // NEWOBJ
                    var (parts, kind) = (Pop(), Pop());
                    Push(Call(kind, parts));
                    break;
                case (byte)'b': // BUILD
                    var state = Pop();
                    globals.Build(Top(), state);
                    break;
                case (byte)'Q': // BINPERSID
                    Push(globals.Storage(Pop()));
                    break;
                default:
                    if (!Value(opcode) && !Container(opcode) && !Memo(opcode))
                    {
                        throw Broken($"the pickle opcode 0x{opcode:x2}, which torch.save does not write");
                    }

                    break;
            }
        }
    }

    private bool Value(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'N':
                Push(null);
                return true;
            case 0x88 or 0x89: // NEWTRUE, NEWFALSE
                Push(opcode == 0x88);
                return true;
            case (byte)'J':
                Push((long)BinaryPrimitives.ReadInt32LittleEndian(bytes.Bytes(4)));
                return true;
            case (byte)'K':
                Push((long)bytes.Byte());
                return true;
            case (byte)'M':
                Push((long)BinaryPrimitives.ReadUInt16LittleEndian(bytes.Bytes(2)));
                return true;
            case 0x8a or 0x8b: // LONG1, LONG4
                Push(bytes.Long(opcode == 0x8a ? bytes.Byte() : bytes.Size(4)));
                return true;
            case (byte)'G':
                Push(BinaryPrimitives.ReadDoubleBigEndian(bytes.Bytes(8)));
                return true;
            case 0x8c or (byte)'X' or 0x8d: // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8
                Push(bytes.Text(opcode == 0x8c ? bytes.Byte() : bytes.Size(opcode == 0x8d ? 8 : 4)));
                return true;
            case (byte)'C' or (byte)'B' or 0x8e or 0x96: // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
                Push(bytes.Bytes(opcode == 'C' ? bytes.Byte() : bytes.Size(opcode == 'B' ? 4 : 8)).ToArray());
                return true;
            default:
                return false;
        }
    }

    private bool Container(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'}':
                Push(new PickleDict());
                return true;
            case (byte)']' or 0x8f: // EMPTY_LIST, EMPTY_SET
                Push(new PickleList());
                return true;
            case (byte)')':
                Push(new PickleTuple([]));
                return true;
            case (byte)'t':
                Push(new PickleTuple(ToMark()));
                return true;
            case 0x85 or 0x86 or 0x87: // TUPLE1 to TUPLE3
                Push(new PickleTuple(Last(opcode - 0x84)));
                return true;
            case (byte)'a': // APPEND
                var item = Pop();
                List().Add(item);
                return true;
            case (byte)'e' or 0x90: // APPENDS, ADDITEMS
                var items = ToMark();
                List().AddRange(items);
                return true;
            case 0x91: // FROZENSET
                var set = new PickleList();
                set.Items.AddRange(ToMark());
                Push(set);
                return true;
            case (byte)'s': // SETITEM
                SetItems(Last(2));
                return true;
            case (byte)'u': // SETITEMS
                SetItems(ToMark());
                return true;
            default:
                return false;
        }
    }

    private bool Memo(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'q':
                memo[bytes.Byte()] = Top();
                return true;
            case (byte)'r':
                memo[BinaryPrimitives.ReadUInt32LittleEndian(bytes.Bytes(4))] = Top();
                return true;
            case 0x94: // MEMOIZE
                memo[memo.Count] = Top();
                return true;
            case (byte)'h':
                Push(Remembered(bytes.Byte()));
                return true;
            case (byte)'j':
                Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(bytes.Bytes(4))));
                return true;
            default:
                return false;
        }
    }

    private object? Call(object? callable, object? arguments)
        => callable is PickleGlobal global && arguments is PickleTuple tuple
            ? globals.Call(global, tuple.Items)
            : throw Broken($"a call of what cannot be called ({TorchGlobals.Kind(callable)})");

    private void SetItems(object?[] items)
    {
        if (Top() is not PickleDict dict || items.Length % 2 != 0)
        {
            throw Broken("entries of what is no dictionary");
        }

        for (var i = 0; i < items.Length; i += 2)
        {
            dict.Items.Add(new(items[i], items[i + 1]));
        }
    }

    private List<object?> List() => Top() is PickleList list ? list.Items : throw Broken("an element of what is no list");

    private object? Remembered(long index) => memo.TryGetValue(index, out var value) ? value : throw Broken($"a reference to the unknown object {index}");

    private void Push(object? value) => stack.Add(value);

    private object? Top() => stack.Count > (marks.Count > 0 ? marks.Peek() : 0) ? stack[^1] : throw Broken("an opcode without its operands");

    private object? Pop() => Last(1)[0];

    private object?[] Last(int count)
    {
        var floor = marks.Count > 0 ? marks.Peek() : 0;
        if (stack.Count - floor < count)
        {
            throw Broken("an opcode without its operands");
        }

        var last = stack.GetRange(stack.Count - count, count).ToArray();
        stack.RemoveRange(stack.Count - count, count);
        return last;
    }

    private object?[] ToMark()
    {
        if (marks.Count == 0)
        {
            throw Broken("an opcode without its mark");
        }

        var items = Last(stack.Count - marks.Peek());
        _ = marks.Pop();
        return items;
    }

    private void Charge(long amount)
    {
        budget -= amount;
        if (budget < 0)
        {
            throw Broken("more copies of its own parts than it has bytes");
        }
    }

    private VitrineException Broken(string found) => bytes.Broken(found);
}
