#!/bin/sh
# /usr/lib/afterpatch/wake: package managers run this when they have changed files (the dpkg triggers in deb/agent.triggers,
# the rpm triggers in rpm/agent.transfiletrigger). It wakes the agent and does nothing else: the agent waits until the
# package manager has finished, and then looks for itself. Where no agent has run since boot there is nothing to wake.
# It never fails, since that would be a failed upgrade.
PATH=/usr/bin:/bin
[ ! -d /run/afterpatch ] || touch /run/afterpatch/wake 2>/dev/null || :
