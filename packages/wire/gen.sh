#!/bin/sh
# Generates static protobuf code and its types from proto/. --no-comments would empty the types: they are made from the comments.
set -e
cd "$(dirname "$(readlink -f "$0")")"
mkdir -p generated
sh ../../test/node.sh ../../node_modules/protobufjs-cli/bin/pbjs -t static-module -w esm --root afterpatch --dts --alt-comment \
  --force-number --force-message --no-create --no-convert --no-verify --no-delimited --no-typeurl \
  -p ../../proto -o generated/afterpatch.js ../../proto/afterpatch/v1/*.proto
