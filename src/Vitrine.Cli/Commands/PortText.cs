namespace Vitrine.Cli.Commands;

/// <summary>Ports as a user types them.</summary>
internal static class PortText
{
    /// <summary>A port, or 0.</summary>
    /// <exception cref="VitrineException">It is none.</exception>
    public static int Checked(int port, string option)
        => port is >= 0 and <= 65535 ? port : throw new VitrineException($"{option} is {port}; expected 0 to 65535.");
}
