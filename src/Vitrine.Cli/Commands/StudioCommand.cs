using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using Vitrine.Studio;

namespace Vitrine.Cli.Commands;

/// <summary><c>vitrine studio [MODEL ...]</c>: the studio on the loopback address, and a browser that opens it.</summary>
/// <remarks>Nothing of the web is loaded by any other verb: its types stand in the action alone.</remarks>
internal static class StudioCommand
{
    public static Command Create()
    {
        var models = new Argument<string[]>("MODEL")
        {
            Description = "Models to open: folders, .gguf files, ORG/NAME of the local cache, embedded:tabletop (the default).",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var port = new Option<int>("--port") { Description = "Port on the loopback address; a free one by default." };
        var quiet = new Option<bool>("--no-open") { Description = "Open no browser; print the address alone." };
        var work = new Option<string>("--work")
        {
            Description = "Folder of what is kept: findings, studies, pictures.",
            DefaultValueFactory = _ => "vitrine-studio",
        };
        var command = new Command("studio", "Look into models in a browser, offline: the tour, the map, attention, edits, and the robot live.")
        {
            models, port, quiet, work,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            parsed.GetValue(models) ?? [], parsed.GetValue(port), parsed.GetValue(quiet), parsed.GetValue(work)!, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(string[] models, int port, bool quiet, string work, CancellationToken cancellation)
    {
        if (File.Exists(work))
        {
            throw new VitrineException($"--work is {work}, a file; expected a folder.");
        }

        var options = new StudioOptions { Models = models, Port = PortText.Checked(port, "--port"), Work = work };
        var studio = await StudioHost.StartAsync(options, cancellation).ConfigureAwait(false);
        await using (studio.ConfigureAwait(false))
        {
            Console.WriteLine($"{studio.Entrance}");
            Console.WriteLine("the token in this address lets in; Ctrl-C ends the studio");
            if (!quiet)
            {
                Show(studio.Entrance);
            }

            await studio.OpenAsync(cancellation).ConfigureAwait(false);
            await studio.RunAsync(cancellation).ConfigureAwait(false);
        }

        return 0;
    }

    private static void Show(Uri address)
    {
        try
        {
            Process.Start(new ProcessStartInfo(address.AbsoluteUri) { UseShellExecute = true })?.Dispose();
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or PlatformNotSupportedException)
        {
            Console.WriteLine("no browser could be opened from here; open the address above in one");
        }
    }
}
