namespace Vitrine.Tests.Architecture;

/// <summary>The libraries that show something to the outside, by the last part of their names.</summary>
internal static class Rooms
{
    public static TheoryData<string> Names()
        => ["Cluster", "Certification", "Serving", "Views", "Worlds", "Mechanisms", "Policies", "Transformers", "Inputs", "Checkpoints"];
}
