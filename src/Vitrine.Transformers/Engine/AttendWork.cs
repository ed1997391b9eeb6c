namespace Vitrine.Transformers.Engine;

/// <summary>One query's attention of a block, a head a piece, for a team.</summary>
/// <remarks>
/// A helper that is late may still read keys and values when the step is over: they stay where they are until the team is gone (see
/// <see cref="KeyValueCache.Reserve"/>).
/// </remarks>
/// <param name="spec">Of the block's attention.</param>
/// <param name="queries">(heads, width).</param>
/// <param name="z">(heads, width).</param>
/// <param name="scratch">Of each helper, as long as <paramref name="z"/>.</param>
internal sealed unsafe class AttendWork(AttentionSpec spec, nint queries, nint z, nint[] scratch) : SharedWork
{
    /// <summary>Products of queries with keys from which a second core is called: some ten microseconds.</summary>
    private const long WorthHelpers = 1 << 15;

    private readonly float[][] scores = [.. Enumerable.Range(0, scratch.Length + 1).Select(_ => Array.Empty<float>())];
    private nint keys, values;
    private long stride;
    private int count;

    /// <param name="room">The first key and value that is seen, of head 0.</param>
    /// <param name="seen">Keys.</param>
    /// <param name="team">Null for one thread.</param>
    public void Run(CacheRoom room, int seen, CoreTeam? team)
    {
        (keys, values, stride, count) = (room.Keys, room.Values, room.HeadStride, seen);
        if (team is not null && (long)seen * spec.Heads * spec.HeadWidth >= WorthHelpers)
        {
            team.Run(this, spec.Heads);
        }
        else
        {
            Heads(0, spec.Heads, (float*)z, scratch.Length);
        }
    }

    public override void Do(int piece) => Heads(piece, piece + 1, (float*)z, scratch.Length);

    public override void Try(int piece, int helper) => Heads(piece, piece + 1, (float*)scratch[helper], helper);

    public override void Put(int piece, int helper)
        => new Span<float>((float*)scratch[helper] + (piece * spec.HeadWidth), spec.HeadWidth)
            .CopyTo(new Span<float>((float*)z + (piece * spec.HeadWidth), spec.HeadWidth));

    private void Heads(int from, int to, float* into, int thread)
    {
        var seen = count;
        if (scores[thread].Length < seen)
        {
            scores[thread] = new float[Math.Max(256, 2 * seen)];
        }

        fixed (float* room = scores[thread])
        {
            RowMath.Attend((float*)queries, (float*)keys, (float*)values, (stride, stride), (spec.Heads, spec.KeyValueHeads, spec.HeadWidth), (from, to), seen,
                (float)spec.Scale, (float?)spec.SoftCap, room, into);
        }
    }
}
