using System.Globalization;
using System.Text;
using Vitrine.Checkpoints;

namespace Vitrine.Certification.Certified;

/// <summary>The certificate as pages: docs/models.md, and the short list of the README.</summary>
internal static class CertifiedPages
{
    private const string Begin = "<!-- families -->", End = "<!-- /families -->";

    private static readonly (FamilyKind Kind, string Title)[] Sections =
    [
        (FamilyKind.Text, "Text models"), (FamilyKind.Image, "Image encoders"), (FamilyKind.Policy, "Robot policies"), (FamilyKind.Part,
            "What stands around the models"),
    ];

    /// <summary>The whole page.</summary>
    public static string Page(CertifiedFile file)
    {
        var page = new StringBuilder();
        page.Append("""
            # What this version opens, and what was certified of it

            Every family below runs on the same blocks and was held against its reference implementation, number by number: each row of a fixture is one
            activation, output, gradient or edited run.
            In float32 no number may differ from the reference by more than 5e-5 of max(1, the largest of its tensor); ids, flags and texts must be equal.
            Errors differ a little from machine to machine.

            This page is written by `vitrine certify DIR... --record src/Vitrine.Certification/certified.json --markdown docs/models.md`, not by hand.
            `vitrine inspect` prints the same table, `vitrine certify DIR --all` every single comparison.

            """);
        foreach (var (kind, title) in Sections)
        {
            var families = file.Families.Where(f => f.Kind == kind).ToArray();
            if (families.Length > 0)
            {
                page.Append(CultureInfo.InvariantCulture,
                    $"\n## {title}\n\n| family | certified by | compared | largest relative error | verdict |\n|---|---|---|---|---|\n");
                foreach (var f in families)
                {
                    page.Append(CultureInfo.InvariantCulture,
                        $"| {Names(f)} | {f.FixtureNames} | {f.Compared} | {CertifiedFamily.Number(f.LargestRelativeError)} | {f.Verdict} |\n");
                }
            }
        }

        AppendFiles(page);
        page.Append("\n## Fixtures\n\n| fixture | what it is | compared | largest relative error | verdict | reference |\n|---|---|---|---|---|---|\n");
        foreach (var f in file.Families.SelectMany(f => f.Fixtures).OrderBy(f => f.Folder, StringComparer.Ordinal))
        {
            page.Append(CultureInfo.InvariantCulture,
                $"| {f.Folder} | {Cell(f.Description)} | {f.Compared} | {CertifiedFamily.Number(f.LargestRelativeError)} | "
                    + $"{(f.Passed ? "agrees" : "DIFFERS")} | {Cell(string.Join(", ", f.Reference.Select(r => $"{r.Key} {r.Value}")))} |\n");
        }

        return page.ToString();
    }

    /// <summary>What lies beside weights; keys that do the same stand together.</summary>
    private static void AppendFiles(StringBuilder page)
    {
        page.Append("""

            ## Files beside the weights

            A key that stands in no row is refused by file and key, and so is a value of another kind. *Applied*: it acts as in the reference.
            *Refused*: a value that would change a number is refused; null, false and the reference's default pass. *Bookkeeping*: it changes no number and
            is not looked at.
            `vitrine inspect MODEL` tells which files of a folder are read, and why others are not.

            | file | key | treatment | effect | read since |
            |---|---|---|---|---|

            """);
        foreach (var same in CompanionFiles.Keys.GroupBy(k => (k.File, k.Treatment, k.Effect, k.Since)))
        {
            page.Append(CultureInfo.InvariantCulture, $"| {same.Key.File} | {string.Join(", ", same.Select(k => $"`{k.Key}`"))} | ")
                .Append(CultureInfo.InvariantCulture, $"{same.Key.Treatment} | {Cell(same.Key.Effect)} | {same.Key.Since} |\n");
        }
    }

    /// <summary>The short list, its markers included.</summary>
    public static string List(CertifiedFile file)
    {
        var list = new StringBuilder($"{Begin}\n");
        foreach (var (kind, title) in Sections.Where(s => s.Kind != FamilyKind.Part))
        {
            var families = file.Families.Where(f => f.Kind == kind).Select(f => Names(f) + (f.Verdict == "certified" ? "" : $" ({f.Verdict})"));
            list.Append(CultureInfo.InvariantCulture, $"- {title}: {string.Join(", ", families)}\n");
        }

        return list.Append(End).ToString();
    }

    /// <summary>A page with the short list renewed.</summary>
    /// <exception cref="VitrineException">The page has no place for it.</exception>
    public static string WithList(string page, CertifiedFile file, string source)
    {
        var (from, to) = (page.IndexOf(Begin, StringComparison.Ordinal), page.IndexOf(End, StringComparison.Ordinal));
        return from >= 0 && to > from
            ? page[..from] + List(file) + page[(to + End.Length)..]
            : throw new VitrineException($"{source}: has no place for the families; expected the lines {Begin} and {End}.");
    }

    /// <summary>Renews the short list of a file.</summary>
    public static void Renew(string path, CertifiedFile file)
    {
        string page;
        try
        {
            page = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }

        AtomicFile.WriteAllText(path, WithList(page, file, path));
    }

    private static string Names(CertifiedFamily family) => string.Join(", ", [$"`{family.Name}`", .. family.Alike.Select(a => $"`{a}`")]);

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal).ReplaceLineEndings(" ");
}
