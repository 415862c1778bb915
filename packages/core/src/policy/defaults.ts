import { REMEDIES } from "../scan.ts";
import type { Policy, Verb } from "./types.ts";

const MINUTE_MS = 60_000;

/** In force where no file says otherwise. */
export const DEFAULT_POLICY: Policy = {
  verbs: REMEDIES.filter((kind): kind is Verb => kind !== "none"),
  units: { protected: [], ask: [] },
  users: { protected: [] },
  caps: { reboots: 2, minimumUptimeMs: 15 * MINUTE_MS, restartsPerRun: null, restartsPerHour: null },
  windows: [],
  denyFile: "/etc/afterpatch/deny",
  vetoes: { inhibitors: true, usersLoggedIn: false },
  applications: [],
  hooks: { beforeApply: [], afterApply: [], beforeStep: [], afterStep: [] },
  checks: [],
  graceMs: 10_000,
  settleMs: 10_000,
  report: null,
  scanAfterPackageChanges: { enabled: true, quietMs: 30_000 },
};
