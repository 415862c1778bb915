#!/bin/sh
# Brings a checkout to where its tests and programs run: npm packages and generated code. Repeating it costs nothing.
# usage: setup.sh [lab|kernel|package]   also the Debian packages that the lab, its virtual machines, or `npm run package` need,
# where this is root on a Debian
set -e
cd "$(dirname "$(readlink -f "$0")")/.."
stamp=node_modules/.afterpatch-setup
if ! cmp -s package-lock.json "$stamp" 2>/dev/null; then
  [ -w . ] || { echo "setup: $PWD: not writable, and its npm packages are not installed; copy it to a directory of yours" >&2; exit 1; }
  # A user without a home directory, such as nobody, has no place for npm's cache.
  if [ ! -w "${HOME:-/}" ] && [ -z "$npm_config_cache" ]; then
    npm_config_cache=$(mktemp -d)
    export npm_config_cache
    trap 'rm -rf "$npm_config_cache"' EXIT
  fi
  echo "setup: installing npm packages (npm ci)" >&2
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json "$stamp"
fi
newest=$(ls -t proto/afterpatch/v1/*.proto packages/wire/gen.sh packages/wire/generated/afterpatch.js 2>/dev/null | head -n 1)
if [ "$newest" != packages/wire/generated/afterpatch.js ]; then
  echo "setup: generating protobuf code" >&2
  sh packages/wire/gen.sh >&2
fi
[ "$1" = lab ] || [ "$1" = kernel ] || [ "$1" = package ] || exit 0

packages=$(sh test/node.sh test/demo/debian-packages.ts "$1")
[ -n "$packages" ] || exit 0
# Without root or apt-get nothing can be done here; whoever wants the lab says what it lacks.
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then exit 0; fi
log=$(mktemp)
echo "setup: installing $packages (apt-get; log in $log)" >&2
export DEBIAN_FRONTEND=noninteractive
get() { apt-get --yes -o DPkg::Lock::Timeout=120 "$@" >>"$log" 2>&1; }
# Lists that are missing or too old name no packages, or such as the archive holds no longer.
# shellcheck disable=SC2086 # one word per package
get install --no-install-recommends $packages || { get update && get install --no-install-recommends $packages; } || {
  tail -n 5 "$log" >&2
  echo "setup: $packages: apt-get could not install them; read $log" >&2
  exit 1
}
rm "$log"
