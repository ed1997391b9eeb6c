using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Patching;

/// <summary>What a run has at its places; owns the run.</summary>
internal sealed class RunValues(SubjectRun run) : IPlaceValues, IDisposable
{
    /// <inheritdoc/>
    public Tensor At(Address place) => run.Run[place.ToString()];

    /// <inheritdoc/>
    public void Dispose() => run.Dispose();
}

/// <summary>Zeros in the shape of what a run has.</summary>
internal sealed class ZeroValues(IPlaceValues like) : IPlaceValues
{
    /// <inheritdoc/>
    public Tensor At(Address place) => zeros_like(like.At(place));
}

/// <summary>Given tensors by place, owned by this.</summary>
internal sealed class GivenValues(IReadOnlyDictionary<Address, Tensor> given) : IPlaceValues, IDisposable
{
    /// <inheritdoc/>
    public Tensor At(Address place) => given[place];

    /// <summary>The mean of what the rows of a set have at their own positions (1,1,...), place by place and step by step.</summary>
    /// <param name="over">The set.</param>
    /// <param name="places">Addresses without steps.</param>
    /// <param name="cancellation">Stops between rows.</param>
    public static GivenValues MeanOf(Subject over, IReadOnlyList<Address> places, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var sums = new Dictionary<Address, (Tensor Sum, long Count)>();
        var columns = over.Columns;
        for (var row = 0; row < over.Rows; row++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            using var run = over.Take([row]).Run(RunPlan.Capturing([.. places.Select(p => Steps(over, p))]));
            foreach (var (address, value) in run.Run.Activations)
            {
                var isPrompt = value.shape[1] > columns[row].Max();
                var own = isPrompt ? value.index_select(1, tensor(columns[row].Select(c => (long)c).ToArray(), device: value.device)) : value;
                var sum = own.to(float64).sum(1, keepdim: true);
                sums[address] = sums.TryGetValue(address, out var before)
                    ? (before.Sum.Plus(sum).MoveToOuterDisposeScope(), before.Count + own.shape[1])
                    : (sum.MoveToOuterDisposeScope(), own.shape[1]);
            }
        }

        return new GivenValues(sums.ToDictionary(
            s => s.Key, s => (s.Value.Sum / tensor((double)s.Value.Count)).to(over.Model.Dtype).DetachFromDisposeScope()));
    }

    /// <summary>The address of every pass of a place.</summary>
    public static string Steps(Subject subject, Address place) => subject.Steps > 1 ? $"{place}@*" : place.ToString();

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var value in given.Values)
        {
            value.Dispose();
        }
    }
}
