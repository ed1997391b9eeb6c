using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Policies.OpenVla;

namespace Vitrine.Tests.Policies.OpenVla;

/// <summary>The small OpenVLA of the fixtures, opened in different ways.</summary>
internal static class Example
{
    public const string Instruction = "pick up the red block";

    public static string Folder => Fixtures.Of("models", "openvla");

    public static OpenVlaPolicy Open(string? folder = null, OpenVlaOptions? options = null)
    {
        using var fixture = Fixture.Open(Folder);
        return OpenVlaPolicy.Open(folder ?? Folder, (options ?? new OpenVlaOptions()) with { TimmArguments = OpenVlaCertifier.Options(fixture).TimmArguments });
    }

    public static Observation Observe(string instruction = Instruction)
        => new(new Picture(40, 30, [.. Enumerable.Range(0, 40 * 30 * 3).Select(i => (byte)(i * 37))]), instruction);

    /// <summary>A copy of the fixture that a test may change.</summary>
    public static string Copy(string to)
    {
        foreach (var file in Directory.GetFiles(Folder).Where(f => Path.GetFileName(f) is not ("golden.safetensors" or "meta.json")))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        return to;
    }
}
