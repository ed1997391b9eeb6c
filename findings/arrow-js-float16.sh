#!/usr/bin/env bash
# apache-arrow 21.2.0 (npm): numbers that go into a Float16 column can come out as other numbers. Rounding up to a power of two is combined into the exponent
# with 'or', and is lost where the exponent's last bit is set already: 0.49999 becomes 0.25, 2047.9 becomes 1024, while 0.9999 becomes 1. Above the range,
# numbers of few bits such as 70000 become small ones (2.13; by IEEE 754 infinity). Below 2^-25 a shift by a negative count gives anything: 1e-8 minus infinity,
# 1e-9 0.00004196. All else is right, bits that another program wrote are read properly, and no call raises.
# Why it matters: activations, action chunks and images leave for a browser as float16; an action of 0.49999 arrives there as half of it.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund --save-exact apache-arrow@21.2.0
cat > finding.mjs <<'CODE'
import { Float16, vectorFromArray } from 'apache-arrow';

const into = value => vectorFromArray([value], new Float16()).get(0);
const show = values => values.map(value => `${value} -> ${into(value)}`).join(', ');
console.log(`in range: ${show([0.25, 0.49999, 0.9999, 2047.9])}`);
console.log(`above: ${show([65504, 70000, Infinity])}`);
console.log(`below: ${show([1e-7, 1e-8, 1e-9])}`);
CODE
found=$(node finding.mjs)
printf 'apache-arrow 21.2.0\n%s\n' "$found"
[ "$found" = 'in range: 0.25 -> 0.25, 0.49999 -> 0.25, 0.9999 -> 1, 2047.9 -> 1024
above: 65504 -> 65504, 70000 -> 2.134765625, Infinity -> Infinity
below: 1e-7 -> 1.1920928955078125e-7, 1e-8 -> -Infinity, 1e-9 -> 0.000041961669921875' ]
