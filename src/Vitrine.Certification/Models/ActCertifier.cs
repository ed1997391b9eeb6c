using System.Text.Json;
using Vitrine.Policies;
using Vitrine.Policies.Act;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Certification.Models;

/// <summary>Certifies ACT policies: pictures and state, every point of encoder and decoder, the chunk, and clamps.</summary>
internal sealed class ActCertifier : ICertifier
{
    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture?.Family == "act";

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        using var policy = (ActPolicy)Policy.Open(fixture.Folder);
        var cases = fixture.Meta.GetProperty("cases").EnumerateArray().ToArray();
        var seen = PolicyCase.Observation(fixture, cases.Select(c => c.GetProperty("name").GetString()!).First(n => fixture.Has($"{n}/in.image.0")), "",
            policy.Cameras);
        foreach (var @case in cases)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            foreach (var row in Case(policy, fixture, @case, seen).ToArray())
            {
                yield return row;
            }
        }
    }

    private static IEnumerable<CertificateRow> Case(ActPolicy policy, Fixture fixture, JsonElement @case, Observation seen)
    {
        var name = @case.GetProperty("name").GetString()!;
        if (fixture.Has($"{name}/in.state"))
        {
            var prepared = policy.Prepare(seen);
            yield return PolicyCase.Numbers(fixture, name, "in.state", prepared.State);
            foreach (var (i, pixels) in prepared.Pictures.Values.Index())
            {
                yield return PolicyCase.Numbers(fixture, name, $"in.pixel_values.{i}", pixels.Values);
            }
        }

        var points = PolicyCase.Points(fixture, name);
        using var run = policy.Act([seen], new RunPlan { Capture = points, Edits = PolicyCase.Edits(@case) });
        foreach (var point in points)
        {
            yield return Comparison.Of(name, point, run.Run[point], Cells(fixture.Read($"{name}/{point}"), point));
        }

        yield return PolicyCase.Chunk(fixture, name, "out.actions", run.Actions[0].Chunk);
    }

    /// <summary>Feature maps lie as channels, rows, columns in the reference; here a cell is a token.</summary>
    private static Tensor Cells(Tensor golden, string point)
        => point is "vision.features" or "vision.position" or "projector.out" ? golden.flatten(2).transpose(1, 2) : golden;
}
