using System.Globalization;
using Vitrine.Serving.Protocols;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Tests.Wire;

/// <summary>
/// Mutated messages through every reader: each is read or refused as a <see cref="WireException"/>, and nothing is allocated that was not sent.
/// </summary>
/// <remarks>
/// VITRINE_FUZZ says how many messages a reader gets (20,000 by default; CI gives more, VITRINE_FUZZ_SECONDS at most), VITRINE_SEED from where.
/// </remarks>
public sealed class FuzzTests
{
    private const long MostBytes = 64 << 20;

    public static TheoryData<string> Readers() => ["openpi", "vla-eval", "gr00t", "json-numpy"];

    [Theory, MemberData(nameof(Readers))]
    public void Whatever_comes_is_read_or_refused(string protocol)
    {
        var folder = Fixtures.Of("wire", protocol);
        byte[][] messages = [.. Directory.GetFiles(folder).Where(f => Path.GetFileName(f) != "index.json").Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes)
            .Where(b => b.Length is > 0 and < 3000)];
        var count = Number("VITRINE_FUZZ", 20_000);
        var until = TimeSpan.FromSeconds(Number("VITRINE_FUZZ_SECONDS", 60) / 4.0);
        var random = new Random(Number("VITRINE_SEED", 1));
        var (began, done, read, largest) = (TimeProvider.System.GetTimestamp(), 0, 0, 0L);
        for (; done < count && TimeProvider.System.GetElapsedTime(began) < until; done++)
        {
            var message = Mutated(messages, random);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Read(protocol, message);
                read++;
            }
            catch (VitrineException)
            {
                // Refused, in one line.
            }
            catch (Exception e)
            {
                Assert.Fail($"{protocol}, message {done}: {e.GetType().Name} ({e.Message}) of {Convert.ToHexString(message)}");
            }

            largest = Math.Max(largest, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        TestContext.Current.SendDiagnosticMessage($"{protocol}: {done} messages, {read} read, at most {largest} bytes allocated");
        done.ShouldBeGreaterThan(1000);
        read.ShouldBeInRange(1, done - 1, "mutations must leave some messages whole and break others");
        largest.ShouldBeLessThan(MostBytes);
    }

    private static void Read(string protocol, byte[] message)
    {
        var limits = WireLimits.Default with { Pixels = 1 << 20 };
        var value = protocol == "json-numpy" ? NumpyJson.Read(message, limits)
            : protocol == "vla-eval" ? VlaEvalConversation.Frame(new SocketMessage(message, false), limits)["payload"]
            : message.AsSpan().StartsWith((byte[])[0x93, (byte)'N']) ? NpyBytes.Read(message, limits)
            : MessageReader.Read(message, limits);
        if (value is WireMap map)
        {
            ObservationReader.Seen(map["data"] as WireMap ?? map, limits);
        }
    }

    /// <summary>A message with bytes flipped, cut, doubled, put in from another, or lengths made large.</summary>
    private static byte[] Mutated(byte[][] messages, Random random)
    {
        var message = messages[random.Next(messages.Length)].ToList();
        for (var i = random.Next(4); i >= 0 && message.Count > 0; i--)
        {
            var at = random.Next(message.Count);
            switch (random.Next(7))
            {
                case 0:
                    message[at] = (byte)random.Next(256);
                    break;
                case 1:
                    message[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    message.RemoveRange(at, Math.Min(message.Count - at, random.Next(1, 9)));
                    break;
                case 3:
                    message.RemoveRange(at, message.Count - at);
                    break;
                case 4:
                    var other = messages[random.Next(messages.Length)];
                    message.InsertRange(at, other.Skip(random.Next(other.Length)).Take(random.Next(1, 40)));
                    break;
                case 5:
                    message.InsertRange(at, message.Skip(at).Take(random.Next(1, 40)).ToArray());
                    break;
                default:
                    byte[][] claims = [[0xc6, 0xff, 0xff, 0xff, 0xff], [0xdf, 0x7f, 0xff, 0xff, 0xff], [0xdd, 0x10, 0, 0, 0], [0xdb, 0xff, 0xff, 0xff, 0xf0],
                        [0xc9, 0xff, 0, 0, 0, 1]];
                    message.InsertRange(at, claims[random.Next(claims.Length)]);
                    break;
            }
        }

        return [.. message];
    }

    private static int Number(string variable, int otherwise)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
