#!/usr/bin/env bash
# TorchSharp 0.107.0: kl_div(input, target) and KLDivLoss() take the target for logarithms unless told otherwise (log_target: true); PyTorch takes it for
# probabilities. And AdamW() decays no weights unless told to, so it is Adam; PyTorch's decays by 0.01.
# Why it matters: kl_div(logQ, p), as the field writes it, sums exp(p) (p - log q) and not p (log p - log q). For p = q = (0.5, 0.3, 0.2) the sum is
# 6.207 where 0 is due: a plausible number with which a patching study or a distillation goes on.
# What helps: name both arguments.
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
using static TorchSharp.torch;

// Read from the library's own signatures; nothing native is loaded.
Console.WriteLine(string.Join("; ",
    Of(typeof(nn.functional), "kl_div", "log_target"), Of(typeof(nn), "KLDivLoss", "log_target"), Of(typeof(optim), "AdamW", "weight_decay")));

static string Of(Type type, string method, string name)
{
    var values = type.GetMethods().Where(candidate => candidate.Name == method).SelectMany(candidate => candidate.GetParameters())
        .Where(parameter => parameter.Name == name).Select(parameter => FormattableString.Invariant($"{parameter.DefaultValue}")).Distinct();
    return $"{method} {name} = {string.Join(" or ", values)}";
}
CODE
found=$(dotnet run)
echo "TorchSharp 0.107.0: $found"
[ "$found" = "kl_div log_target = True; KLDivLoss log_target = True; AdamW weight_decay = 0" ]
