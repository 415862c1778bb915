#!/bin/sh
# Brings a checkout to where its tests and programs run: npm packages and generated code. Repeating it costs nothing.
set -e
cd "$(dirname "$(readlink -f "$0")")/.."
stamp=node_modules/.afterpatch-setup
if ! cmp -s package-lock.json "$stamp" 2>/dev/null; then
  echo "setup: installing npm packages (npm ci)" >&2
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json "$stamp"
fi
newest=$(ls -t proto/afterpatch/v1/*.proto packages/wire/gen.sh packages/wire/generated/afterpatch.js 2>/dev/null | head -n 1)
if [ "$newest" != packages/wire/generated/afterpatch.js ]; then
  echo "setup: generating protobuf code" >&2
  sh packages/wire/gen.sh >&2
fi
