import { expect, test } from "vitest";
import { whatNext } from "./what-next.ts";

const SYSTEMD = { isSystemd: true, hasInitScript: true };
const SYSV = { isSystemd: false, hasInitScript: true };
const NEITHER = { isSystemd: false, hasInitScript: false };
const DEFAULTS = { config: null, stateDir: null };

test.each([
  ["under systemd", DEFAULTS, SYSTEMD, "systemctl enable --now afterpatch-agent"],
  ["with an init script", DEFAULTS, SYSV, "service afterpatch-agent start"],
  ["with nothing that starts it", DEFAULTS, NEITHER, "afterpatch-agent run"],
  [
    "with a state directory",
    { config: null, stateDir: "/srv/state" },
    SYSTEMD,
    "afterpatch-agent run --state-dir /srv/state",
  ],
  [
    "with both, one that a shell would take apart",
    { config: "/etc/a.yaml", stateDir: "/srv/it's here" },
    SYSV,
    "afterpatch-agent run --config /etc/a.yaml --state-dir '/srv/it'\\''s here'",
  ],
])("a host that joined is told how its daemon is started: %s", (_name, places, starters, expected) => {
  expect(whatNext(places, starters)).toBe(expected);
});
