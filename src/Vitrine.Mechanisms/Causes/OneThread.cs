using TorchSharp;

namespace Vitrine.Mechanisms.Causes;

/// <summary>Has this thread compute with a single libtorch thread until it is disposed, so that no sum is split by how many cores there are.</summary>
internal readonly struct OneThread : IDisposable
{
    private readonly int before;

    private OneThread(int before) => this.before = before;

    public static OneThread Begin()
    {
        var scope = new OneThread(torch.get_num_threads());
        torch.set_num_threads(1);
        return scope;
    }

    public void Dispose() => torch.set_num_threads(before);
}
