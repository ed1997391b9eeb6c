using System.Globalization;
using Vitrine;
using Vitrine.Benchmarks;

const string Usage = """
    projection [--vectors N] [--rounds N] [--screen] [--threads N]
        value vectors against float32 products of the same shapes, OpenVLA's and SmolVLA's sizes
    language [--dir DIR] [--rounds N] [--threads N] [--only load|forward|decode]
        a 135M Llama: forward, capture, decode and load beside the plain ones
    sweep [--dir DIR] [--rounds N] [--threads N] [--tokens N] [--naive CELLS]
        a 135M Llama: activation patching of every layer and position beside a plain loop and a plain plan
    edges [--dir DIR] [--pairs N] [--tokens N] [--rounds N] [--threads N] [--positions] [--everywhere] [--memory]
        all edges of the GPT-2 small shape beside two forwards and a backward of the same pairs
    flow --like DIR [--dir DIR] [--rounds N] [--threads N]
        SmolVLA base's shape with random numbers: one chunk beside its products, capture, a camera less, clamped variants
    pi --like DIR --dir DIR [--write sparse|random] [--threads N]
        a full-size pi0 or pi0.5 checkpoint in bfloat16: written when asked, then opened, and one chunk beside its products
    openvla --dir DIR --like DIR [--write sparse|random] [--layers N] [--vectors N] [--weights kept|widened]
        a full-size OpenVLA checkpoint (15.08 GB): written when asked, then one act and the projection of a slice
    serve-load [--sessions N] [--seconds N] [--pause MS] [--policy NAME] [--rounds N] [--only load|batch]
        a policy server on loopback: its own overhead for LIBERO's request, memory meanwhile; a pass shared by eight sessions, half of them edited
    peers --model FILE.gguf [--dir DIR] [--rounds N] [--threads N] [--peer DLL]
        the same file through llama.cpp (LLamaSharp, fetched and built in DIR), whole processes in turns; also in float16, written to DIR
    large [--dir DIR] [--layers N] [--threads N]
        Llama 3.1 8B's shape in Q4_K of random blocks (4.7 GB, written to DIR): open, 8 tokens, value vectors of one layer
    """;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
try
{
    var arguments = Arguments.Parse(args);
    switch (arguments.Verb)
    {
        case "projection":
            ProjectionBenchmark.Run(arguments);
            return 0;
        case "language":
            LanguageBenchmark.Run(arguments);
            return 0;
        case "sweep":
            SweepBenchmark.Run(arguments);
            return 0;
        case "edges":
            EdgeBenchmark.Run(arguments);
            return 0;
        case "flow":
            FlowBenchmark.Run(arguments);
            return 0;
        case "pi":
            PiBenchmark.Run(arguments);
            return 0;
        case "openvla":
            OpenVlaBenchmark.Run(arguments);
            return 0;
        case "serve-load":
            ServeLoadBenchmark.Run(arguments);
            return 0;
        case "peers":
            PeersBenchmark.Run(arguments);
            return 0;
        case "peers-run":
            PeersBenchmark.RunOne(arguments);
            return 0;
        case "large":
            PeersBenchmark.RunLarge(arguments);
            return 0;
        default:
            Console.Error.WriteLine(Usage);
            return 2;
    }
}
catch (VitrineException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
