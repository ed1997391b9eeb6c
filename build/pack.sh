#!/usr/bin/env bash
# Packs the library into a folder that NuGet takes as a source: bash build/pack.sh FOLDER. A program then names one package, Vitrine; it brings the rooms
# and the libtorch of the system that it was packed on.
set -euo pipefail
out=$(realpath -m "${1:?names no folder: bash build/pack.sh FOLDER}")
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
dotnet build -c Release -m:2 src/Vitrine
for project in src/*/; do
  [ "$project" = src/Vitrine.Cli/ ] || dotnet pack -c Release --no-build -v quiet -o "$out" "$project"
done
ls "$out"
