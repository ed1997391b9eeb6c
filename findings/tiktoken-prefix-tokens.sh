#!/usr/bin/env bash
# tiktoken 1.0.22 and js-tiktoken 1.0.21 (npm), Microsoft.ML.Tokenizers 2.0.1 (NuGet): of two special tokens where one begins the other, the longer may never be
# found. All three look for special tokens by one regular expression, token|token|..., which takes the first alternative that fits, not the longest. With
# act_0 ... act_255, the text "act_12" becomes act_1 and the letter "2" in js-tiktoken and in Microsoft's (246 of the 256 are out of reach); in tiktoken's
# Rust code the order is that of a hash table, so 139 are, without a rule. tokenizers 0.23.2 (npm, the Rust library) takes the longest and finds all.
# Why it matters: binned actions are often such tokens. Close each name (<act_12>), and check that every one encodes to itself.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
export NUGET_PACKAGES="$folder/packages" DOTNET_NOLOGO=1
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund --save-exact tiktoken@1.0.22 js-tiktoken@1.0.21 tokenizers@0.23.2
cat > finding.cjs <<'CODE'
const actions = Array.from({ length: 256 }, (_, bin) => `act_${bin}`);
const special = Object.fromEntries(actions.map((name, bin) => [name, 256 + bin]));
const bytes = Array.from({ length: 256 }, (_, value) => Buffer.from([value]).toString('base64'));
const pattern = '\\w+|\\W+';
const lost = encode => actions.filter((name, bin) => encode(name).join() !== `${256 + bin}`).length;

const native = new (require('tiktoken').Tiktoken)(bytes.map((token, rank) => `${token} ${rank}`).join('\n'), special, pattern);
const ported = new (require('js-tiktoken').Tiktoken)({ pat_str: pattern, special_tokens: special, bpe_ranks: `! 0 ${bytes.join(' ')}` });

const { Tokenizer } = require('tokenizers');
const letters = Object.fromEntries(Array.from({ length: 256 }, (_, code) => [String.fromCharCode(code), code]));
const rust = Tokenizer.fromString(JSON.stringify({
  version: '1.0', truncation: null, padding: null, normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null,
  added_tokens: actions.map((content, bin) => ({ id: 256 + bin, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
  model: { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false,
    vocab: letters, merges: [] },
}));
Promise.all(actions.map(name => rust.encode(name))).then(found => {
  const ids = new Map(actions.map((name, bin) => [name, found[bin].getIds()]));
  console.log(`lost of 256: tiktoken ${lost(name => [...native.encode(name, 'all')])}, js-tiktoken ${lost(name => ported.encode(name, 'all'))}, ` +
    `tokenizers ${lost(name => ids.get(name))}`);
});
CODE
cat > finding.csproj <<'XML'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
  <ItemGroup><PackageReference Include="Microsoft.ML.Tokenizers" Version="2.0.1" /><Compile Remove="node_modules/**" /></ItemGroup>
</Project>
XML
cat > Program.cs <<'CODE'
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

var special = Enumerable.Range(0, 256).ToDictionary(bin => $"act_{bin}", bin => 256 + bin);
var ranks = string.Join('\n', Enumerable.Range(0, 256).Select(value => $"{Convert.ToBase64String([(byte)value])} {value}"));
var tokenizer = TiktokenTokenizer.Create(
    new MemoryStream(Encoding.UTF8.GetBytes(ranks)), new RegexPreTokenizer(new Regex(@"\w+|\W+"), special), normalizer: null, special);
Console.WriteLine($"Microsoft.ML.Tokenizers {special.Count(token => !tokenizer.EncodeToIds(token.Key).SequenceEqual([token.Value]))}");
CODE
found="$(node finding.cjs), $(dotnet run)"
echo "$found"
[ "$found" = "lost of 256: tiktoken 139, js-tiktoken 246, tokenizers 0, Microsoft.ML.Tokenizers 246" ]
