namespace Vitrine.Tests;

/// <summary>
/// Tests that set libtorch's number of threads run alone: MKL keeps one number for the whole process, and with another one a product may round differently.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ThreadCount
{
    public const string Name = "the number of threads is set";
}
