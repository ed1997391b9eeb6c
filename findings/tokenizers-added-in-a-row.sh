#!/usr/bin/env bash
# tokenizers 0.23.2 (npm, the Rust library of Hugging Face): tokens added by addTokens to a tokenizer with Llama's normalizer (put "▁" before the text, write
# "▁" for a space) are found only where a space or the beginning of the text is before them. Added tokens are "normalized" unless told otherwise, so the
# token's own text goes through the normalizer too, and what is looked for is "▁<act_1>". Of <act_0><act_1><act_2> only the first is found, the others are
# spelled in letters. Decoding gives the same text in every case, so a check by text sees nothing. addSpecialTokens, or normalized: false, finds all three.
# Why it matters: a chunk of actions is written as tokens without spaces; such a policy reads 1 token of 3 and 14 letters.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund --save-exact tokenizers@0.23.2
cat > finding.cjs <<'CODE'
const { AddedToken, Tokenizer } = require('tokenizers');

const vocabulary = Object.fromEntries(['<unk>', '▁', ...'acmotve<>_0123'].map((piece, id) => [piece, id]));
const llama = JSON.stringify({
  version: '1.0', truncation: null, padding: null, added_tokens: [], pre_tokenizer: null, post_processor: null,
  normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }] },
  decoder: { type: 'Sequence', decoders: [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }] },
  model: { type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: true, byte_fallback: false,
    vocab: vocabulary, merges: [] },
});
const actions = ['<act_0>', '<act_1>', '<act_2>'];

async function read(add) {
  const tokenizer = Tokenizer.fromString(llama);
  add(tokenizer);
  const encoding = await tokenizer.encode(actions.join(''), null, { addSpecialTokens: false });
  return `${encoding.getTokens().join(' ')} = ${await tokenizer.decode(encoding.getIds(), false)}`;
}

(async () => {
  console.log(`addTokens: ${await read(tokenizer => tokenizer.addTokens(actions))}`);
  console.log(`addSpecialTokens: ${await read(tokenizer => tokenizer.addSpecialTokens(actions))}`);
  const exact = actions.map(name => new AddedToken(name, false, { normalized: false }));
  console.log(`normalized false: ${await read(tokenizer => tokenizer.addAddedTokens(exact))}`);
})();
CODE
found=$(node finding.cjs)
printf 'tokenizers 0.23.2\n%s\n' "$found"
[ "$found" = 'addTokens: ▁<act_0> < a c t _ 1 > < a c t _ 2 > = <act_0><act_1><act_2>
addSpecialTokens: <act_0> <act_1> <act_2> = <act_0><act_1><act_2>
normalized false: <act_0> <act_1> <act_2> = <act_0><act_1><act_2>' ]
