using static TorchSharp.torch;
namespace Vitrine.Checkpoints;
/// <summary>x</summary>
public sealed class Checkpoint : IDisposable { /// <summary>x</summary>
public static Checkpoint Open(string f) => new(); /// <summary>x</summary>
public IReadOnlyList<string> Names => []; /// <summary>x</summary>
public bool Contains(string n) => false; /// <summary>x</summary>
public Tensor Read(string n, long[] s) => zeros(1); /// <summary>x</summary>
public void Dispose() {} }
