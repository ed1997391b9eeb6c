namespace Vitrine.Transformers;

/// <summary>How a token is drawn from logits. The filters act in this order: temperature, top-k, top-p, min-p, typical, epsilon, eta.</summary>
/// <remarks>The order and the edge cases are those of transformers (generation/logits_process.py and _get_logits_processor of generation/utils.py).</remarks>
public sealed record Sampling
{
    /// <summary>Divides the logits; below 1 sharper, above 1 flatter. Greedy decoding is no temperature but the absence of sampling.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Keeps the k largest logits and what equals the k-th; null for all.</summary>
    public int? TopK { get; init; }

    /// <summary>Keeps the smallest set of most probable tokens whose mass reaches p (Holtzman et al. 2020); null for all.</summary>
    public double? TopP { get; init; }

    /// <summary>Keeps tokens that are at least so many times as probable as the best (Nguyen et al. 2024); null for all.</summary>
    public double? MinP { get; init; }

    /// <summary>Keeps the tokens whose surprise is nearest to the entropy, until their mass reaches p (Meister et al. 2022); null for all.</summary>
    public double? TypicalP { get; init; }

    /// <summary>Keeps tokens of at least this probability, and the best (Hewitt et al. 2022); null for all.</summary>
    public double? EpsilonCutoff { get; init; }

    /// <summary>
    /// Keeps tokens of at least the smaller of this and sqrt(this) exp(-entropy), and the best (Hewitt et al. 2022); null for all.
    /// </summary>
    public double? EtaCutoff { get; init; }

    /// <summary>The same seed draws the same tokens, row by row and step by step.</summary>
    public ulong Seed { get; init; }

    /// <summary>Refuses numbers that mean nothing.</summary>
    /// <exception cref="VitrineException">A number lies outside its range, which is named.</exception>
    public void Check()
    {
        Require(Temperature > 0 && double.IsFinite(Temperature), "temperature", Temperature, "a number above 0; greedy decoding is done without sampling");
        Require(TopK is null or > 0, "top_k", TopK, "a whole number above 0");
        Require(TopP is null or (> 0 and <= 1), "top_p", TopP, "a number above 0 and up to 1");
        Require(MinP is null or (>= 0 and <= 1), "min_p", MinP, "a number from 0 to 1");
        Require(TypicalP is null or (> 0 and <= 1), "typical_p", TypicalP, "a number above 0 and up to 1");
        Require(EpsilonCutoff is null or (>= 0 and < 1), "epsilon_cutoff", EpsilonCutoff, "a number from 0, below 1");
        Require(EtaCutoff is null or (>= 0 and < 1), "eta_cutoff", EtaCutoff, "a number from 0, below 1");
    }

    private static void Require(bool holds, string name, object? found, string expected)
    {
        if (!holds)
        {
            throw new VitrineException(FormattableString.Invariant($"sampling: {name} is {found}; expected {expected}."));
        }
    }
}
