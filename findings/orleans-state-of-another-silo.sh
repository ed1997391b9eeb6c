#!/usr/bin/env bash
# Microsoft Orleans 10.4.2: a grain that lives on a silo in good health, put there by [PreferLocalPlacement], forgets what it holds in memory when *another* silo is
# killed. Where grains are is written down in a directory that is shared out over the silos; of those grains whose line stood with the lost one the activation is
# given up, and the next call makes a new one, without a word to the caller. How many is chance, as the share of the directory is: of 64 grains on one of two silos
# 22, 0, 8 and 36 in four runs; so up to eight rounds are made here.
# What Vitrine does: the driver of a study on several silos says that it is new, and is started again with the chunks that are still open.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
export NUGET_PACKAGES="$folder/packages" DOTNET_NOLOGO=1
cat > finding.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Microsoft.Orleans.Server" Version="10.4.2" />
  </ItemGroup>
</Project>
XML
cat > Program.cs <<'CODE'
using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Placement;

const int Grains = 64;
var isSecond = args.Length > 0;
var first = isSecond ? int.Parse(args[0]) : Free();
var builder = Host.CreateApplicationBuilder();
builder.Logging.ClearProviders();
builder.UseOrleans(silo => silo.UseLocalhostClustering(isSecond ? Free() : first, Free(), new IPEndPoint(IPAddress.Loopback, first))
    .Configure<ClusterMembershipOptions>(o => (o.ProbeTimeout, o.NumMissedProbesLimit, o.NumVotesForDeathDeclaration) = (TimeSpan.FromSeconds(1), 2, 1)));
using var host = builder.Build();
await host.StartAsync();
if (isSecond)
{
    await Process.GetProcessById(int.Parse(args[1])).WaitForExitAsync();
    return;
}

var factory = host.Services.GetRequiredService<IGrainFactory>();
var here = host.Services.GetRequiredService<Orleans.Runtime.ILocalSiloDetails>().SiloAddress.ToString();
for (var round = 0; round < 8; round++)
{
    using var second = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [$"{first}", $"{Environment.ProcessId}"]))!;
    await UntilAsync(2);
    var grains = Enumerable.Range(round * Grains, Grains).Select(i => factory.GetGrain<IKeeper>(i)).ToArray();
    foreach (var grain in grains)
    {
        await grain.Keep(7);
    }

    var local = 0;
    foreach (var grain in grains)
    {
        local += await grain.Where() == here && await grain.Kept() == 7 ? 1 : 0;
    }

    second.Kill();
    await UntilAsync(1);
    var lost = 0;
    foreach (var grain in grains)
    {
        lost += await grain.Where() == here && await grain.Kept() == 0 ? 1 : 0;
    }

    Console.WriteLine($"{local} of {Grains} grains kept their number on the first silo; the second was killed, and {lost} of them had forgotten it");
    if (local == Grains && lost > 0)
    {
        Environment.Exit(0);
    }
}

Environment.Exit(1);

async Task UntilAsync(int silos)
{
    var management = factory.GetGrain<IManagementGrain>(0);
    for (var i = 0; i < 120 && (await management.GetHosts(onlyActive: true)).Count != silos; i++)
    {
        await Task.Delay(500);
    }

    await Task.Delay(3000);
}

static int Free()
{
    using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
    listener.Start();
    return ((IPEndPoint)listener.LocalEndpoint).Port;
}

public interface IKeeper : IGrainWithIntegerKey
{
    Task Keep(int number);

    Task<int> Kept();

    Task<string> Where();
}

[PreferLocalPlacement]
public sealed class Keeper(Orleans.Runtime.ILocalSiloDetails silo) : Grain, IKeeper
{
    private int kept;

    public Task Keep(int number)
    {
        kept = number;
        return Task.CompletedTask;
    }

    public Task<int> Kept() => Task.FromResult(kept);

    public Task<string> Where() => Task.FromResult(silo.SiloAddress.ToString());
}
CODE
echo "Microsoft Orleans 10.4.2:"
dotnet run
