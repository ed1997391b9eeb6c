#!/usr/bin/env bash
# .NET 10.0, libtorch 2.10.0, glibc: while one thread loads libtorch_cpu.so, every other thread that calls a native function for the first time waits until
# libtorch's initialisers are over (some .2 s), also for functions of libraries that are long loaded. .NET looks a function up by dlsym when it is first called,
# and dlsym takes the lock that dlopen holds while initialisers run. A function that was called once before is called meanwhile without waiting.
# So work beside the loading gains nothing as long as it opens its first file or makes its first directory listing there.
# What Vitrine does: NativeCompute.LoadAhead calls once what a model's head is read with, before its thread begins to load.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
export NUGET_PACKAGES="$folder/packages" DOTNET_NOLOGO=1
cat > finding.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework><OutputType>Exe</OutputType><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
  <ItemGroup><PackageReference Include="libtorch-cpu-linux-x64" Version="2.10.0" /></ItemGroup>
</Project>
XML
cat > Program.cs <<'CS'
using System.Diagnostics;
using System.Runtime.InteropServices;

var library = Directory.GetFiles(AppContext.BaseDirectory, "libtorch_cpu.so", SearchOption.AllDirectories)[0];
_ = getppid();
var watch = Stopwatch.StartNew();
var (began, loaded) = (new ManualResetEventSlim(), 0.0);
var loading = new Thread(() => { began.Set(); NativeLibrary.Load(library); loaded = watch.Elapsed.TotalMilliseconds; });
loading.Start();
began.Wait();
Thread.Sleep(20);
var (before, known) = (watch.Elapsed.TotalMilliseconds, getppid());
var between = watch.Elapsed.TotalMilliseconds;
var unknown = getpgrp();
var after = watch.Elapsed.TotalMilliseconds;
loading.Join();
Console.WriteLine($"libtorch is loaded after {loaded:0} ms; begun at {before:0} ms, a function called before takes {between - before:0.0} ms, "
    + $"one called for the first time {after - between:0} ms");
return known > 0 && unknown > 0 && between - before < 5 && after - between > 0.4 * loaded ? 0 : 1;

[DllImport("libc")] static extern int getppid();
[DllImport("libc")] static extern int getpgrp();
CS
dotnet build -c Release -v q -nologo -o out >/dev/null
dotnet out/finding.dll
