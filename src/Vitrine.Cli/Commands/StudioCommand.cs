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
        var connect = new Option<string?>("--connect")
        {
            Description = "The live address that 'vitrine serve' printed: opens the page of that policy, while its robot moves.",
        };
        var token = TokenOption.Create();
        var command = new Command("studio", "Look into models in a browser, offline: the tour, the map, attention, edits, and the robot live.")
        {
            models, port, quiet, work, connect, token,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            new StudioOptions
            {
                Models = parsed.GetValue(models) ?? [],
                Port = PortText.Checked(parsed.GetValue(port), "--port"),
                Work = parsed.GetValue(work)!,
                Connect = parsed.GetValue(connect),
                ConnectToken = parsed.GetValue(connect) is not null ? token.Token(parsed)
                    : parsed.GetValue(token) is null ? null
                    : throw new VitrineException("--token-file is shown to the server that --connect names; there is none."),
            },
            parsed.GetValue(quiet),
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(StudioOptions options, bool quiet, CancellationToken cancellation)
    {
        if (File.Exists(options.Work))
        {
            throw new VitrineException($"--work is {options.Work}, a file; expected a folder.");
        }

        var studio = await StudioHost.StartAsync(options, cancellation).ConfigureAwait(false);
        await using (studio.ConfigureAwait(false))
        {
            Console.WriteLine($"{studio.Entrance}");
            Console.WriteLine("the token in this address lets in; Ctrl-C ends the studio");
            if (await studio.ConnectionProblemAsync(cancellation).ConfigureAwait(false) is { } problem)
            {
                await Console.Error.WriteLineAsync($"{problem} The page goes on trying.").ConfigureAwait(false);
            }

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
