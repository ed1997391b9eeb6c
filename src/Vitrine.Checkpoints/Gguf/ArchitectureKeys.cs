namespace Vitrine.Checkpoints.Gguf;

/// <summary>The metadata keys of a file's architecture, read one by one, so that the rest can be refused.</summary>
internal sealed class ArchitectureKeys(GgufFile file)
{
    private readonly HashSet<string> read = new(StringComparer.Ordinal);

    public string Architecture { get; } = file.Architecture;

    public bool Has(string key)
    {
        read.Add(key);
        return file.Metadata.Contains(Full(key));
    }

    public long Integer(string key) => Has(key) ? file.Metadata.Integer(Full(key)) : throw Missing(key);

    public long Size(string key, long? otherwise = null)
    {
        var size = Has(key) ? file.Metadata.Integer(Full(key)) : otherwise ?? throw Missing(key);
        return size is > 0 and <= int.MaxValue ? size : throw new VitrineException($"{file.Path}: {Full(key)} is {size}; expected a positive whole number.");
    }

    public double Number(string key, double? otherwise = null) => Has(key) ? file.Metadata.Number(Full(key)) : otherwise ?? throw Missing(key);

    public string Text(string key, string otherwise) => Has(key) ? file.Metadata.Text(Full(key)) : otherwise;

    public void RefuseOthers(IReadOnlySet<string> inert)
    {
        var prefix = $"{Architecture}.";
        foreach (var key in file.Metadata.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)).Select(k => k[prefix.Length..]))
        {
            if (!read.Contains(key) && !inert.Contains(key))
            {
                throw new VitrineException($"{file.Path}: unknown key '{prefix}{key}'; it might change numbers, so the file is refused.");
            }
        }
    }

    private string Full(string key) => $"{Architecture}.{key}";

    private VitrineException Missing(string key) => new($"{file.Path}: the metadata lack the key '{Full(key)}'.");
}
