#!/usr/bin/env bash
# TorchSharp 0.107.0: tensor.norm(1) is not the 1-norm. PyTorch takes p first. TorchSharp has norm(float p) and norm(int dim, bool keepdim, float p), and
# for a whole number C# takes the latter: norm(1) is the 2-norm along dimension 1, norm(0) the 2-norm along dimension 0. norm(1f) is the 1-norm.
# Why it matters: features.norm(0) counts the active features of a dictionary in PyTorch; ported to C# as it stands, it gives their Euclidean length, on a
# vector even with the same shape. norm(1) as a penalty becomes a tensor of lengths.
# What helps: linalg.vector_norm(x, ord), or write p: 0.
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
using System.Buffers.Binary;
using System.Reflection.Emit;
using static TorchSharp.torch;

// Read from the compiled lambdas; nothing native is loaded.
Console.WriteLine($"norm(1) is {Called(x => x.norm(1))}; norm(1f) is {Called(x => x.norm(1f))}; norm(p: 1) is {Called(x => x.norm(p: 1))}");

static string Called(Func<Tensor, Tensor> of)
{
    var code = of.Method.GetMethodBody()!.GetILAsByteArray()!;
    var call = Array.IndexOf(code, (byte)OpCodes.Callvirt.Value);
    var method = of.Method.Module.ResolveMethod(BinaryPrimitives.ReadInt32LittleEndian(code.AsSpan(call + 1)))!;
    return $"{method.Name}({string.Join(", ", method.GetParameters().Select(parameter => $"{parameter.ParameterType.Name} {parameter.Name}"))})";
}
CODE
found=$(dotnet run)
echo "TorchSharp 0.107.0: $found"
[ "$found" = "norm(1) is norm(Int32 dim, Boolean keepdim, Single p); norm(1f) is norm(Single p); norm(p: 1) is norm(Single p)" ]
