#!/usr/bin/env bash
# tokenizers 0.23.2 (npm, the Rust library of Hugging Face): the "id" of an added token in tokenizer.json is not obeyed. Added tokens that are no entries of the
# vocabulary are numbered in turn from its size on; where the file says otherwise, that goes to a log that nobody sees unless one is set up. Tokens that
# were given ids behind a padded embedding (64 rows for 2 pieces) become 2 and 3, and saving writes those into the file. With a gap in the vocabulary an
# added token even takes the id of another piece. @huggingface/tokenizers 0.2.0 (npm, the JavaScript port) obeys the file.
# Why it matters: the same file, sentence and checkpoint read other embedding rows in Python or Rust than in JavaScript, and nothing fails.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund --save-exact tokenizers@0.23.2 @huggingface/tokenizers@0.2.0
cat > finding.mjs <<'CODE'
import { Tokenizer as Ported } from '@huggingface/tokenizers';
import native from 'tokenizers';

async function read(vocab, added) {
  const file = {
    version: '1.0', truncation: null, padding: null, normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null,
    added_tokens: Object.entries(added).map(([content, id]) => (
      { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    model: { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false,
      vocab, merges: [] },
  };
  const text = Object.keys({ ...vocab, ...added }).join('');
  const rust = (await native.Tokenizer.fromString(JSON.stringify(file)).encode(text)).getIds();
  const port = new Ported(file, {}).encode(text, { add_special_tokens: false }).ids;
  return `${text}: file ${Object.values({ ...vocab, ...added })}, Rust ${rust}, JavaScript ${port}`;
}

console.log(await read({ a: 0, b: 1 }, { '<act_0>': 64, '<act_1>': 65 }));
console.log(await read({ a: 0, b: 3 }, { '<act_0>': 4, '<act_1>': 5 }));
CODE
found=$(node finding.mjs)
printf 'tokenizers 0.23.2, @huggingface/tokenizers 0.2.0\n%s\n' "$found"
[ "$found" = 'ab<act_0><act_1>: file 0,1,64,65, Rust 0,1,2,3, JavaScript 0,1,64,65
ab<act_0><act_1>: file 0,3,4,5, Rust 0,3,2,3, JavaScript 0,3,4,5' ]
