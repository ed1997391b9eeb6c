#!/usr/bin/env bash
# System.Numerics.Tensors 11.0.0 (NuGet): TensorPrimitives adds Half to Half in Half. A sum stands still where adding one more value no longer changes it: the
# sum over a 224 x 224 plane full of 0.5 is 1024 instead of 25088, its average 0.0204, its standard deviation 0.101 instead of 0. Nothing overflows, nothing
# raises. NumPy 1.24 (pairwise sums, means in float32) gives 25090, 0.5 and 0 for the same float16 plane.
# Why it matters: Half is how float16 weights, pictures and actions come out of a file in .NET, and means and deviations are the first thing taken of them.
# What helps: TensorPrimitives.ConvertToSingle first.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
export NUGET_PACKAGES="$folder/packages" DOTNET_NOLOGO=1
cat > finding.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
  <ItemGroup><PackageReference Include="System.Numerics.Tensors" Version="11.0.0" /></ItemGroup>
</Project>
XML
cat > Program.cs <<'CODE'
using System.Globalization;
using System.Numerics;
using System.Numerics.Tensors;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
Console.WriteLine(Of("Half", Enumerable.Repeat((Half)0.5f, 224 * 224).ToArray()));
Console.WriteLine(Of("float", Enumerable.Repeat(0.5f, 224 * 224).ToArray()));

static string Of<T>(string name, T[] plane)
    where T : IRootFunctions<T>
    => $"{name}: sum {TensorPrimitives.Sum<T>(plane)}, average {TensorPrimitives.Average<T>(plane):0.0000}, "
        + $"deviation {TensorPrimitives.StdDev<T>(plane):0.000}, dot with itself {TensorPrimitives.Dot<T>(plane, plane)}";
CODE
found=$(dotnet run)
printf 'System.Numerics.Tensors 11.0.0\n%s\n' "$found"
[ "$found" = 'Half: sum 1024, average 0.0204, deviation 0.101, dot with itself 512
float: sum 25088, average 0.5000, deviation 0.000, dot with itself 12544' ]
