namespace Vitrine.Cli;

/// <summary>Tells at once, on the thread that reports; <see cref="Progress{T}"/> would tell later and in any order.</summary>
internal sealed class Direct<T>(Action<T> tell) : IProgress<T>
{
    public void Report(T value) => tell(value);
}
