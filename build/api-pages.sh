#!/usr/bin/env bash
# Writes a page for every public type, from the XML comments, to docs/api (Markdown; not kept in git): bash build/api-pages.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
dotnet tool restore
dotnet build -c Release -m:2 src/Vitrine.Cli
dotnet docfx metadata docs/docfx.json
echo "docs/api/toc.yml and $(find docs/api -name '*.md' | wc -l) pages"
