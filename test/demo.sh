#!/bin/sh
# `npm run demo`: sets up what is missing, then shows a security upgrade and its rolling restart on three real hosts.
# `npm run demo -- shell` leaves such hosts, upgraded and not restarted, to whoever wants to try the commands.
# `npm run demo -- local` shows the smaller demo, on this machine alone, also where the other one could run.
set -e
cd "$(dirname "$(readlink -f "$0")")/.."
fail() { echo "demo: $1" >&2; exit 1; }

command -v npm >/dev/null || fail "npm: not found; install Node and npm ('apt-get install npm' on Debian)"
sh test/setup.sh || fail "set-up: npm packages or generated code could not be made; the lines above say why"

# Built anew each time, unless this checkout belongs to somebody else who has built it.
if [ -w packages/agent ]; then
  log=$(sh test/node.sh deploy/build.ts 2>&1) || { echo "$log" >&2; fail "build: failed; the lines above say why"; }
elif [ ! -f packages/agent/dist/afterpatch-agent.mjs ]; then
  fail "build: $PWD is not writable and was not built; copy it to a directory of yours"
fi

# What is still missing afterwards is named by the demo itself, which then shows what it can without it.
[ "$1" = local ] || sh test/setup.sh lab || true
exec sh test/node.sh test/demo.ts "$@"
