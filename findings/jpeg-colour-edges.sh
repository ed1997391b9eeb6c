#!/usr/bin/env bash
# The same JPEG is not the same picture. Where colour is stored at half resolution (4:2:0, what most cameras and encoders write), the standard leaves open how
# it is brought back: sharp 0.35.5 (npm) and SkiaSharp 4.155.0 (NuGet) interpolate and agree in every bit, jpeg-js 0.4.4 (npm) and SixLabors.ImageSharp
# 2.1.13 (NuGet) repeat each value. At the rim of a red block on a blue table they are 39 grey levels apart, a tenth of all pixels by more than 3. With
# colour at full resolution (4:4:4) all four are within 2.
# Why it matters: a policy was trained on the pictures of one decoder; another one changes the rim of every coloured object that it is to grasp.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
export NUGET_PACKAGES="$folder/packages" DOTNET_NOLOGO=1
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund --save-exact sharp@0.35.5 jpeg-js@0.4.4
cat > finding.mjs <<'CODE'
import { writeFileSync } from 'node:fs';
import jpeg from 'jpeg-js';
import sharp from 'sharp';

const side = 64;
const inBlock = at => at >= 21 && at < 43;
const table = Buffer.from(Array.from({ length: side * side }, (_, at) => (
  inBlock(at % side) && inBlock(Math.floor(at / side)) ? [220, 30, 30] : [30, 60, 170])).flat());
for (const chromaSubsampling of ['4:2:0', '4:4:4']) {
  const name = chromaSubsampling.replaceAll(':', '');
  const file = await sharp(table, { raw: { width: side, height: side, channels: 3 } }).jpeg({ quality: 95, chromaSubsampling }).toBuffer();
  writeFileSync(`${name}.jpg`, file);
  writeFileSync(`${name}.sharp`, await sharp(file).raw().toBuffer());
  writeFileSync(`${name}.jpeg-js`, jpeg.decode(file, { formatAsRGBA: false }).data);
}
CODE
cat > finding.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings><NuGetAudit>false</NuGetAudit>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="SkiaSharp" Version="4.155.0" /><PackageReference Include="SkiaSharp.NativeAssets.Linux.NoDependencies" Version="4.155.0" />
    <PackageReference Include="SixLabors.ImageSharp" Version="2.1.13" /><Compile Remove="node_modules/**" />
  </ItemGroup>
</Project>
XML
cat > Program.cs <<'CODE'
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using SkiaSharp;

foreach (var name in new[] { "420", "444" })
{
    var sharp = File.ReadAllBytes($"{name}.sharp");
    Console.WriteLine($"{name}, from sharp: SkiaSharp {Apart(Skia($"{name}.jpg"), sharp)}, jpeg-js {Apart(File.ReadAllBytes($"{name}.jpeg-js"), sharp)}, "
        + $"ImageSharp {Apart(ImageSharp($"{name}.jpg"), sharp)}");
}

static byte[] Skia(string path)
{
    using var bitmap = SKBitmap.Decode(path);
    return [.. bitmap.Pixels.SelectMany(pixel => new[] { pixel.Red, pixel.Green, pixel.Blue })];
}

static byte[] ImageSharp(string path)
{
    using var image = Image.Load<Rgb24>(path);
    var pixels = new byte[image.Width * image.Height * 3];
    image.CopyPixelDataTo(pixels);
    return pixels;
}

static string Apart(byte[] one, byte[] other)
{
    var pixels = one.Zip(other, (a, b) => Math.Abs(a - b)).Chunk(3).Select(channels => channels.Max()).ToArray();
    return $"{pixels.Max()} ({pixels.Count(levels => levels > 3)} pixels by more than 3)";
}
CODE
node finding.mjs
found=$(dotnet run)
echo "$found"
[ "$found" = '420, from sharp: SkiaSharp 0 (0 pixels by more than 3), jpeg-js 39 (406 pixels by more than 3), ImageSharp 39 (426 pixels by more than 3)
444, from sharp: SkiaSharp 0 (0 pixels by more than 3), jpeg-js 2 (0 pixels by more than 3), ImageSharp 2 (0 pixels by more than 3)' ]
