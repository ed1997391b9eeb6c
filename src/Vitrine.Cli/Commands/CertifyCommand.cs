using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Vitrine.Certification;
using Vitrine.Certification.Certified;
using Vitrine.Checkpoints;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine certify DIR...</c>: holds folders of reference numbers against the engine.</summary>
internal static class CertifyCommand
{
    public static Command Create()
    {
        var folders = new Argument<string[]>("DIR")
        {
            Description = "Folders with golden.safetensors, or golden.json, and meta.json.",
            Arity = ArgumentArity.OneOrMore,
        };
        var json = Output.JsonOption();
        var all = new Option<bool>("--all") { Description = "List every point, not only the worst of each case." };
        var record = new Option<string?>("--record")
        {
            Description = "Write what was compared of each family to this JSON file; Vitrine's own is src/Vitrine.Certification/certified.json.",
        };
        var page = new Option<string?>("--markdown") { Description = "Write the same as a page to this file; Vitrine's own is docs/models.md." };
        var list = new Option<string?>("--readme")
        {
            Description = "Renew the list of families in this file, between <!-- families --> and <!-- /families -->.",
        };
        var command = new Command(
            "certify", "Hold folders of reference numbers against the engine, point by point.") { folders, all, record, page, list, json };
        command.SetAction((parsed, cancellation) =>
        {
            string[] targets = [.. new[] { parsed.GetValue(record), parsed.GetValue(page), parsed.GetValue(list) }.OfType<string>()];
            foreach (var target in targets)
            {
                AtomicFile.RequireWritable(target);
            }

            var failed = new List<string>();
            var certificates = new List<Certificate>();
            foreach (var folder in parsed.GetValue(folders)!)
            {
                try
                {
                    certificates.Add(Certifiers.Certify(folder, cancellation));
                }
                catch (VitrineException e) when (parsed.GetValue(folders)!.Length > 1)
                {
                    failed.Add(e.Message.ReplaceLineEndings(" "));
                }
            }

            if (targets.Length > 0 && failed.Count == 0)
            {
                Record(CertifiedFile.Of(certificates), parsed.GetValue(record), parsed.GetValue(page), parsed.GetValue(list));
            }

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

            return failed.Count == 0
                ? Task.FromResult(certificates.All(c => c.Passed) ? 0 : 1)
                : throw new VitrineException($"certify: {failed.Count} of {parsed.GetValue(folders)!.Length} folders could not be: {string.Join(" ", failed)}");
        });
        return command;
    }

    private static void Record(CertifiedFile file, string? record, string? page, string? list)
    {
        if (record is not null)
        {
            file.Save(record);
        }

        if (page is not null)
        {
            AtomicFile.WriteAllText(page, CertifiedPages.Page(file));
        }

        if (list is not null)
        {
            CertifiedPages.Renew(list, file);
        }
    }

    private static void Print(Certificate certificate, bool all)
    {
        var table = Output.Table("case", "point", "largest error", "bound", "verdict", "note");
        foreach (var rows in certificate.Rows.GroupBy(r => r.Case))
        {
            foreach (var row in all ? rows : rows.Where(r => !r.Passed || r == Worst(rows)))
            {
                table.Add(row.Case, row.Point, Number(row.Error), Number(row.Bound), row.Passed ? "agrees" : "DIFFERS",
                    all ? row.Note : $"{rows.Count()} compared{(row.Note.Length > 0 ? "; " + row.Note : "")}");
            }
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"{certificate.Folder} ({certificate.Family}): {certificate.Rows.Count(r => r.Passed)} of {certificate.Rows.Count} agree, "
            + $"{(certificate.Passed ? "certified" : "NOT certified")}");
    }

    private static CertificateRow Worst(IEnumerable<CertificateRow> rows) => rows.MaxBy(r => r.Bound > 0 ? r.Error / r.Bound : r.Error)!;

    private static string Number(double value) => value == 0 ? "0" : value.ToString("0.0e+0", CultureInfo.InvariantCulture);
}
