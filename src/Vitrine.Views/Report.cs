using System.Text;

namespace Vitrine.Views;

/// <summary>A run as one HTML file that needs nothing beside it: no network, no fonts, no scripts from elsewhere.</summary>
public static class Report
{
    /// <summary>The style sheet of every view.</summary>
    public static string StyleSheet { get; } = Resource("report.css");

    /// <summary>The script of the report, which plays episodes; everything else works without it.</summary>
    public static string Script { get; } = Resource("tip.js") + Resource("report.js");

    /// <summary>The report as text.</summary>
    public static string Render(ReportData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new ReportPage(data).Render();
    }

    /// <summary>Writes the report.</summary>
    public static void Write(ReportData data, TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(Render(data));
    }

    /// <summary>Writes the report as UTF-8 and leaves the stream open.</summary>
    public static void Write(ReportData data, Stream stream)
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
        Write(data, writer);
    }

    internal static string Resource(string name)
    {
        using var stream = typeof(Report).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The resource {name} is not in {typeof(Report).Assembly.GetName().Name}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
