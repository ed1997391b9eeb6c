namespace Vitrine.Studio.Served;

/// <summary>The live address of a policy server, as people type it.</summary>
internal static class ServedAddress
{
    /// <summary>The page that watches a served policy, and the key of its address that says which.</summary>
    public const string Page = "robot/served", Key = "connect";

    /// <summary>Reads <c>http://127.0.0.1:8900</c>, or the same without <c>http://</c>.</summary>
    /// <returns>Scheme, host and port, with a slash behind.</returns>
    /// <exception cref="VitrineException">It is no address, or none of this machine.</exception>
    /// <remarks>A link may bring any address: the studio asks none but this machine's, where live interfaces are.</remarks>
    public static string Of(string text)
    {
        var typed = text.Trim();
        return !Uri.TryCreate(typed.Contains("://", StringComparison.Ordinal) ? typed : $"http://{typed}", UriKind.Absolute, out var uri)
                || uri.Scheme is not ("http" or "https") || uri.UserInfo.Length > 0
            ? throw new VitrineException($"connect: '{typed}' is no live address; expected one such as http://127.0.0.1:8900, as 'vitrine serve' prints it.")
            : !uri.IsLoopback
                ? throw new VitrineException($"connect: '{typed}' is not on this machine, where live addresses are; reach another machine's through a tunnel, "
                    + "such as ssh -L 8900:127.0.0.1:8900 HOST.")
                : uri.GetLeftPart(UriPartial.Authority) + "/";
    }
}
