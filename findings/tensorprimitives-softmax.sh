#!/usr/bin/env bash
# System.Numerics.Tensors 11.0.0 (NuGet): TensorPrimitives.SoftMax divides exp(x) by its sum without taking off the largest value first. In float a value above
# 88.72 becomes NaN and all that are not above it become 0; where each exp(x) fits and only the sum does not, every probability is 0; where all values are
# below about -104, every one is NaN. Half goes wrong from 11.1 on. No call raises.
# Why it matters: logits of language models lie anywhere, and a masked row of scores is far below zero; both are ordinary input to PyTorch's softmax.
# What helps: TensorPrimitives.Subtract(x, TensorPrimitives.Max(x), x) before it.
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
using System.Numerics.Tensors;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
foreach (var logits in new float[][] { [2, 1, 0], [88.5f, 87.5f, 88.5f], [90, 89, 88], [-110, -111, -112] })
{
    var plain = new float[logits.Length];
    TensorPrimitives.SoftMax(logits, plain);
    var shifted = new float[logits.Length];
    TensorPrimitives.Subtract(logits, TensorPrimitives.Max(logits), shifted);
    TensorPrimitives.SoftMax(shifted, shifted);
    Console.WriteLine($"[{string.Join(' ', logits)}]: {Rounded(plain)}; shifted {Rounded(shifted)}");
}

var half = new Half[2];
TensorPrimitives.SoftMax<Half>([(Half)12f, (Half)11f], half);
Console.WriteLine($"Half [12 11]: {string.Join(' ', half)}");

static string Rounded(float[] values) => string.Join(' ', values.Select(value => $"{value:0.000}"));
CODE
found=$(dotnet run)
printf 'System.Numerics.Tensors 11.0.0\n%s\n' "$found"
[ "$found" = '[2 1 0]: 0.665 0.245 0.090; shifted 0.665 0.245 0.090
[88.5 87.5 88.5]: 0.000 0.000 0.000; shifted 0.422 0.155 0.422
[90 89 88]: NaN NaN 0.000; shifted 0.665 0.245 0.090
[-110 -111 -112]: NaN NaN NaN; shifted 0.665 0.245 0.090
Half [12 11]: NaN 0' ]
