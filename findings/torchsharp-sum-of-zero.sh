#!/usr/bin/env bash
# TorchSharp 0.107.0: tensor.sum(0) does not sum over dimension 0. The literal 0 converts to every enumeration, and sum(ScalarType?) needs no optional
# argument while sum(long dim, ...) does: C# picks the former. The whole tensor is summed, as ScalarType 0, which is Byte. sum(1), or sum(0L), is over a dimension.
# What Vitrine does: writes 0L.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
export NUGET_PACKAGES="$folder/packages" DOTNET_NOLOGO=1
cat > finding.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
  <ItemGroup><PackageReference Include="TorchSharp" Version="0.107.0" /></ItemGroup>
</Project>
XML
cat > Program.cs <<'CODE'
using System.Linq.Expressions;
using static TorchSharp.torch;

// The expression tells which method was meant; nothing native is loaded.
Expression<Func<Tensor, Tensor>> of = x => x.sum(0);
var call = (MethodCallExpression)of.Body;
var argument = Expression.Lambda(call.Arguments[0]).Compile().DynamicInvoke();
Console.WriteLine($"sum(0) calls {call.Method.Name}({call.Method.GetParameters()[0].ParameterType.GetGenericArguments()[0].Name}? = {argument})");
CODE
found=$(dotnet run)
echo "TorchSharp 0.107.0: $found"
[ "$found" = "sum(0) calls sum(ScalarType? = Byte)" ]
