using System.Collections.Concurrent;

namespace Vitrine.Studio.Served;

/// <summary>What servers ask for, by their live address: kept in the memory of the process alone, never in a page's address.</summary>
internal sealed class ServedTokens
{
    private readonly ConcurrentDictionary<string, string> tokens = new();

    /// <summary>The token of a server; null where nobody gave one.</summary>
    public string? this[string address]
    {
        get => tokens.GetValueOrDefault(address);
        set
        {
            if (string.IsNullOrEmpty(value))
            {
                tokens.TryRemove(address, out _);
            }
            else
            {
                tokens[address] = value;
            }
        }
    }
}
