#!/usr/bin/env bash
# TorchSharp 0.107.0, linux-x64: libLibTorchSharp.so asks for GLIBCXX_3.4.32 (GCC 13), so it does not load on Debian 12, Ubuntu 22.04 or RHEL 9, whose
# libraries end at 3.4.30 and before, although the libtorch 2.10.0 that it binds asks for no more than 3.4.2x. One function needs it:
# std::ios_base_library_init(), which headers of GCC 13 call where iostream is included. .NET reports it as a missing library.
# What Vitrine does: SymbolVersionPatch.cs relaxes that one version in a copy of the file, before it is loaded.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
export NUGET_PACKAGES="$folder/packages" DOTNET_NOLOGO=1
cat > finding.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup><PackageReference Include="TorchSharp" Version="0.107.0" /><PackageReference Include="libtorch-cpu-linux-x64" Version="2.10.0" /></ItemGroup>
</Project>
XML
dotnet restore >/dev/null
newest() { readelf -V "$1" | grep -oE 'GLIBCXX_[0-9.]+' | sort -V | tail -1; }
bridge=$(find packages/torchsharp -path '*linux-x64*' -name libLibTorchSharp.so)
library=$(find packages -name libtorch_cpu.so)
symbols=$(readelf --dyn-syms --wide "$bridge" | grep -oE '\S+@GLIBCXX_3\.4\.32' | sort -u)
echo "TorchSharp 0.107.0: libLibTorchSharp.so asks for $(newest "$bridge"), for $symbols; libtorch 2.10.0: libtorch_cpu.so asks for $(newest "$library")"
[ "$(newest "$bridge")" = GLIBCXX_3.4.32 ] && [ "$symbols" = "_ZSt21ios_base_library_initv@GLIBCXX_3.4.32" ] && [[ "$(newest "$library")" == GLIBCXX_3.4.[12]* ]]
