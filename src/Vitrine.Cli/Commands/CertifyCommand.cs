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
    /// <summary>Columns of a table that its numbers, its verdict and the space between take.</summary>
    private const int Numbers = 46;

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

    /// <remarks>Names that do not fit lose their middle; notes stand below the table, where there is room for a sentence.</remarks>
    private static void Print(Certificate certificate, bool all)
    {
        (CertificateRow Row, int Compared)[] shown = [.. certificate.Rows.GroupBy(r => r.Case)
            .SelectMany(rows => rows.Where(r => all || !r.Passed || r == Worst(rows)).Select(r => (r, rows.Count())))];
        var (forCase, forPoint) = Widths(
            shown.Select(s => s.Row.Case.Length).DefaultIfEmpty(0).Max(), shown.Select(s => s.Row.Point.Length).DefaultIfEmpty(0).Max());
        var table = Output.Table(["case", "point", "error", "bound", "verdict", .. all ? Array.Empty<string>() : ["compared"]]);
        foreach (var (row, compared) in shown)
        {
            string[] cells = [Output.Middle(row.Case, forCase), Output.Middle(row.Point, forPoint), Number(row.Error), Number(row.Bound),
                row.Passed ? "agrees" : "DIFFERS"];
            table.Add(all ? cells : [.. cells, $"{compared}"]);
        }

        AnsiConsole.Write(table);
        foreach (var notes in shown.Where(s => s.Row.Note.Length > 0).GroupBy(s => s.Row.Note))
        {
            string[] places = [.. notes.Select(n => $"{n.Row.Case} {n.Row.Point}")];
            Console.WriteLine($"{string.Join(", ", places.Take(3))}{(places.Length > 3 ? $" and {places.Length - 3} more" : "")}: {notes.Key}");
        }

        Console.WriteLine($"{certificate.Folder} ({certificate.Family}): {certificate.Rows.Count(r => r.Passed)} of {certificate.Rows.Count} agree, "
            + $"{(certificate.Passed ? "certified" : "NOT certified")}");
    }

    /// <summary>Room for the two names, of what they would take: what the numbers leave of the terminal's width, the shorter name first.</summary>
    private static (int Case, int Point) Widths(int ofCase, int ofPoint)
    {
        var room = Math.Max(AnsiConsole.Profile.Width - Numbers, 20);
        var (shorter, half) = (Math.Min(ofCase, ofPoint), room / 2);
        return ofCase + ofPoint <= room ? (ofCase, ofPoint)
            : shorter > half ? (half, room - half)
            : ofCase == shorter ? (ofCase, room - ofCase)
            : (room - ofPoint, ofPoint);
    }

    private static CertificateRow Worst(IEnumerable<CertificateRow> rows) => rows.MaxBy(r => r.Bound > 0 ? r.Error / r.Bound : r.Error)!;

    private static string Number(double value) => value == 0 ? "0" : value.ToString("0.0e+0", CultureInfo.InvariantCulture);
}
