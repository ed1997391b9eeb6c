#!/usr/bin/env bash
# System.Text.Json of .NET 10 (the SDK's own): a property with 'init' and a default keeps its default where the key is missing, if the type is read by
# reflection. The same type read by a generated JsonSerializerContext loses it: the property becomes 0 or null, because generated code makes the object with
# every init property set. With 'set' instead of 'init' both keep it.
# What Vitrine does: records that travel as JSON give their defaults in the setter, or in a constructor that is marked [JsonConstructor].
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
export DOTNET_NOLOGO=1
cat > finding.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
</Project>
XML
cat > Program.cs <<'CODE'
using System.Text.Json;
using System.Text.Json.Serialization;

var reflected = JsonSerializer.Deserialize<Settings>("{}")!;
var generated = JsonSerializer.Deserialize("{}", Context.Default.Settings)!;
Console.WriteLine($"init: reflected {reflected.Kept}, generated {generated.Kept}; set: reflected {reflected.Set}, generated {generated.Set}");

public sealed class Settings
{
    public int Kept { get; init; } = 5;

    public int Set { get; set; } = 5;
}

[JsonSerializable(typeof(Settings))]
public sealed partial class Context : JsonSerializerContext;
CODE
found=$(dotnet run)
echo ".NET $(dotnet --version): $found"
[ "$found" = "init: reflected 5, generated 0; set: reflected 5, generated 5" ]
