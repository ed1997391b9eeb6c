using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies.Certification;
using Vitrine.Transformers.Certification;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine certify DIR...</c>: holds folders of reference numbers against the engine.</summary>
internal static class CertifyCommand
{
    /// <summary>What each room can certify.</summary>
    public static IReadOnlyList<ICertifier> Certifiers { get; } =
    [
        new TextCertifier(), new VisionCertifier(), new RealEncoderCertifier(), new MethodsCertifier(),
        new OpenVlaCertifier(), new ValueVectorCertifier(), new TabletopCertifier(), new TabletopPolicyCertifier(),
    ];

    public static Command Create()
    {
        var folders = new Argument<string[]>("DIR") { Description = "Folders with golden.safetensors and meta.json.", Arity = ArgumentArity.OneOrMore };
        var json = Output.JsonOption();
        var all = new Option<bool>("--all") { Description = "List every point, not only the worst of each case." };
        var command = new Command("certify", "Hold folders of reference numbers against the engine, point by point.") { folders, json, all };
        command.SetAction((parsed, cancellation) =>
        {
            var certificates = parsed.GetValue(folders)!.Select(f => Certify(f, cancellation)).ToArray();
            if (parsed.GetValue(json))
            {
                Output.Write(certificates.Select(c => new { c.Folder, c.Family, c.Passed, c.LargestRelativeError, c.Rows }));
            }
            else
            {
                foreach (var certificate in certificates)
                {
                    Print(certificate, parsed.GetValue(all));
                }
            }

            return Task.FromResult(certificates.All(c => c.Passed) ? 0 : 1);
        });
        return command;
    }

    /// <summary>All that the rooms can say about one folder.</summary>
    /// <exception cref="VitrineException">The folder is no fixture, or no room knows its family.</exception>
    public static Certificate Certify(string folder, CancellationToken cancellation)
    {
        using var fixture = Fixture.Open(folder);
        var certifiers = Certifiers.Where(c => c.Knows(fixture)).ToArray();
        return certifiers.Length > 0
            ? new Certificate(folder, fixture.Family, [.. certifiers.SelectMany(c => c.Certify(fixture, cancellation))])
            : throw new VitrineException($"{folder}: holds goldens of '{fixture.Family}', which this version does not certify.");
    }

    private static void Print(Certificate certificate, bool all)
    {
        var table = Output.Table("case", "point", "largest error", "bound", "verdict", "note");
        foreach (var rows in certificate.Rows.GroupBy(r => r.Case))
        {
            foreach (var row in all ? rows : rows.Where(r => !r.Passed || r == Worst(rows)))
            {
                table.Add(row.Case, row.Point, Number(row.Error), Number(row.Bound), row.Passed ? "agrees" : "DIFFERS", all ? row.Note : $"{rows.Count()} compared{(row.Note.Length > 0 ? "; " + row.Note : "")}");
            }
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"{certificate.Folder} ({certificate.Family}): {certificate.Rows.Count(r => r.Passed)} of {certificate.Rows.Count} agree, {(certificate.Passed ? "certified" : "NOT certified")}");
    }

    private static CertificateRow Worst(IEnumerable<CertificateRow> rows) => rows.MaxBy(r => r.Bound > 0 ? r.Error / r.Bound : r.Error)!;

    private static string Number(double value) => value == 0 ? "0" : value.ToString("0.0e+0", CultureInfo.InvariantCulture);
}
