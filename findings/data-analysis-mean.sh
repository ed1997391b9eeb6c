#!/usr/bin/env bash
# Microsoft.Data.Analysis 0.23.1 (NuGet): the mean of a column is a sum in the column's own type, then divided. It goes round without a word: bytes 200
# and 100 have the mean 22, the largest int twice the mean -1. Description() divides by all rows, Mean() by those that are there: 1, null, 3, null has the
# mean 1 by the one and 2 by the other.
# Why it matters: channel means of pictures are means of bytes, and rewards have gaps. The numbers that come out look plausible.
# What helps: a column of doubles before a mean, and no Description() of columns with gaps.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
export NUGET_PACKAGES="$folder/packages" DOTNET_NOLOGO=1
cat > finding.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
  <ItemGroup><PackageReference Include="Microsoft.Data.Analysis" Version="0.23.1" /></ItemGroup>
</Project>
XML
cat > Program.cs <<'CODE'
using System.Globalization;
using Microsoft.Data.Analysis;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var bytes = new ByteDataFrameColumn("bytes", new byte[] { 200, 100 });
var ints = new Int32DataFrameColumn("ints", new[] { int.MaxValue, int.MaxValue });
Console.WriteLine($"mean of bytes 200, 100: {bytes.Mean()}; of the largest int twice: {ints.Mean()}");

var gaps = new SingleDataFrameColumn("gaps", new float?[] { 1, null, 3, null });
var described = new DataFrame(gaps).Description().Rows.Single(row => (string)row[0] == "Mean")[1];
Console.WriteLine($"mean of 1, null, 3, null: {gaps.Mean()}; in the description: {described}");
CODE
found=$(dotnet run)
printf 'Microsoft.Data.Analysis 0.23.1\n%s\n' "$found"
[ "$found" = 'mean of bytes 200, 100: 22; of the largest int twice: -1
mean of 1, null, 3, null: 2; in the description: 1' ]
