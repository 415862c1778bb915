#!/bin/sh
# For pipelines: restarts what still runs old code on machines whose image or packages were patched, proves it, and leaves
# the papers. Called by the examples beside it for GitHub Actions, GitLab CI and Jenkins; docs/pipelines.md.
#
#   AFTERPATCH_ENROL       HOST:PORT of the controller's enrol port
#   AFTERPATCH_TOKEN       the machine's token ('afterpatch operators add ci --role operator --machine --life 4h'), from the
#                          pipeline's store of secrets; or AFTERPATCH_TOKEN_FILE: a file that holds it
#   PATTERN                hosts, such as role=web
#   REASON                 why, for the history and the audit log
#   MAX_HOSTS              more hosts than this are refused
#   SERIAL                 hosts at once [1,25%]
#   WAIT                   how long the end is waited for, less than the certificate lives [2h]
#
# Leaves plan.json, afterpatch.xml (JUnit) and report.json in the working directory, and the exit code of the rollout: 0
# verified or nothing to do, 2 a host failed, 3 halted or aborted, 4 hosts not reached or not covered, 5 usage or credentials,
# 6 no such host, 7 it goes on without us, 8 the plan no longer fits, 9 hosts are held by another rollout.
set -eu
umask 077

: "${AFTERPATCH_ENROL:?}" "${PATTERN:?}" "${REASON:?}" "${MAX_HOSTS:?}"

# Credentials are this run's alone, and end with it.
AFTERPATCH_CREDENTIALS=$(mktemp -d)
export AFTERPATCH_CREDENTIALS
trap 'rm -rf "$AFTERPATCH_CREDENTIALS"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# What an earlier run left would be taken for this one's.
rm -f plan.json rollout.json afterpatch.xml report.json

afterpatch login "$AFTERPATCH_ENROL" ${AFTERPATCH_TOKEN_FILE:+--token-file "$AFTERPATCH_TOKEN_FILE"}
unset AFTERPATCH_TOKEN

# 0: nothing to do; 10: there is; 4: there are hosts that cannot be planned, and the others are done all the same.
code=0
afterpatch plan "$PATTERN" --serial "${SERIAL:-1,25%}" -o json --out plan.json --exit-code || code=$?
case $code in
  0 | 4 | 10) ;;
  *) exit "$code" ;;
esac

code=0
afterpatch rollout start "$PATTERN" --serial "${SERIAL:-1,25%}" --max-hosts "$MAX_HOSTS" --reason "$REASON" --yes \
  --wait --wait-timeout "${WAIT:-2h}" --junit afterpatch.xml -o json --out rollout.json || code=$?

# Where there was nothing to do, or nothing was begun, there is no rollout to report.
id=
[ ! -s rollout.json ] || id=$(sed -n 's/^  "id": "\([^"]*\)",$/\1/p' rollout.json)
[ -z "$id" ] || afterpatch report "$id" -o json --out report.json || [ "$code" -ne 0 ] || code=1
rm -f rollout.json
exit "$code"
