#!/bin/sh
# Runs Node 24: the one that npm installed for this project, else the machine's own when it is new enough.
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
node=$root/node_modules/node-linux-$arch/bin/node
[ -x "$node" ] || node=$(command -v node) || { echo "afterpatch: no Node found; install Node and npm, then run 'npm ci'" >&2; exit 1; }
major=$("$node" -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 24 ] || { echo "afterpatch: $node is Node $major, 24 or newer is needed; run 'npm ci' to get it" >&2; exit 1; }
exec "$node" "$@"
