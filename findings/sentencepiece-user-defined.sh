#!/usr/bin/env bash
# Microsoft.ML.Tokenizers 2.0.1 (NuGet): SentencePieceTokenizer reads a .model file with user-defined pieces, but does not look for them in the text: <loc0>,
# one piece for SentencePiece, is spelled in letters. The id is there when an id is decoded. Handing the same pieces over once more as specialTokens helps.
# And where the model removes extra spaces (the default of SentencePiece's trainer), a text of one character has no tokens at all.
# @agnai/sentencepiece-js 1.1.1 (npm, Google's library as WebAssembly) is the reference for the same files.
# Why it matters: such pieces are how a .model file carries tokens for places, actions or turns (<loc0000> in PaliGemma's); a prompt of them becomes letters.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
export NUGET_PACKAGES="$folder/packages" DOTNET_NOLOGO=1
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund --save-exact @agnai/sentencepiece-js@1.1.1
cat > finding.mjs <<'CODE'
import { writeFileSync } from 'node:fs';
import { SentencePieceProcessor } from '@agnai/sentencepiece-js';

// The file is a protocol buffer: pieces (text, score, kind), the trainer's settings (BPE, special ids), the normalizer's (prefix, extra spaces, "▁").
const part = (field, bytes) => Buffer.concat([Buffer.from([field << 3 | 2, bytes.length]), bytes]);
const number = (field, value) => Buffer.from([field << 3, value]);
const kinds = { normal: 1, unknown: 2, control: 3, userDefined: 4 };
const piece = ([text, kind]) => part(1, Buffer.concat([part(1, Buffer.from(text)), Buffer.from([0x15, 0, 0, 0, 0]), number(3, kinds[kind])]));
const pieces = [['<unk>', 'unknown'], ['<s>', 'control'], ['</s>', 'control'], ['▁', 'normal'],
  ...[...'acdelot<>0'].map(letter => [letter, 'normal']), ['<loc0>', 'userDefined']];
for (const [name, flag] of [['plain', 0], ['trimmed', 1]]) { // trimmed: "▁" before the text, extra spaces removed, as the trainer has it by default
  const normalizer = Buffer.concat([number(3, flag), number(4, flag), number(5, 1)]);
  writeFileSync(`${name}.model`, Buffer.concat([...pieces.map(piece), part(2, number(3, 2)), part(3, normalizer)]));
  const processor = new SentencePieceProcessor();
  await processor.load(`${name}.model`);
  const ids = text => [...processor.encodeIds(text)].join(' ');
  console.log(`SentencePiece, ${name}: "detect <loc0>" = ${ids('detect <loc0>')}; "a" = ${ids('a')}`);
}
CODE
cat > finding.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
  <ItemGroup><PackageReference Include="Microsoft.ML.Tokenizers" Version="2.0.1" /><Compile Remove="node_modules/**" /></ItemGroup>
</Project>
XML
cat > Program.cs <<'CODE'
using Microsoft.ML.Tokenizers;

foreach (var (name, special) in new[] { ("plain", false), ("plain", true), ("trimmed", false) })
{
    using var file = File.OpenRead($"{name}.model");
    var tokenizer = SentencePieceTokenizer.Create(
        file, addBeginningOfSentence: false, addEndOfSentence: false, special ? new Dictionary<string, int> { ["<loc0>"] = 14 } : null);
    string Ids(string text) => string.Join(' ', tokenizer.EncodeToIds(text, addBeginningOfSentence: false, addEndOfSentence: false));
    var variant = special ? $"{name} and specialTokens" : name;
    Console.WriteLine($"Microsoft.ML.Tokenizers, {variant}: \"detect <loc0>\" = {Ids("detect <loc0>")}; \"a\" = {Ids("a")}");
}
CODE
found="$(node finding.mjs)
$(dotnet run)"
echo "$found"
[ "$found" = 'SentencePiece, plain: "detect <loc0>" = 6 7 10 7 5 10 3 14; "a" = 4
SentencePiece, trimmed: "detect <loc0>" = 3 6 7 10 7 5 10 3 14; "a" = 3 4
Microsoft.ML.Tokenizers, plain: "detect <loc0>" = 6 7 10 7 5 10 3 11 8 9 5 13 12; "a" = 4
Microsoft.ML.Tokenizers, plain and specialTokens: "detect <loc0>" = 6 7 10 7 5 10 3 14; "a" = 4
Microsoft.ML.Tokenizers, trimmed: "detect <loc0>" = 3 6 7 10 7 5 10 3 11 8 9 5 13 12; "a" = ' ]
