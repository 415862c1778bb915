import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import type { ProcessFacts } from "@afterpatch/core/facts";
import { cgroupOwner, ownPath } from "@afterpatch/core/systemd/cgroup";
import {
  parseUnits,
  restartedAlong,
  socketBeside,
  UNIT_PROPERTIES,
  type UnitFacts,
} from "@afterpatch/core/systemd/show";
import { outside } from "@afterpatch/programs/outside";
import { asUser, userUnit } from "../as-user.ts";
import { codeOf, explain } from "./read.ts";

const TIMEOUT_MS = 20_000;
/** A user's manager that does not answer holds up the scan of the whole host. */
const USER_TIMEOUT_MS = 2_000;
const ALL_USERS_TIMEOUT_MS = 10_000;

/** sd_booted(3) */
export function isSystemd(): boolean {
  return statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory() ?? false;
}

export interface Units {
  readonly units: readonly UnitFacts[] | null;
  readonly unitsUnreadable: string | null;
}

/**
 * Units that these processes belong to, the sockets that trigger them, and what a restart of them restarts too. One call
 * for the host, and one for each user with a service among them; a manager of a user that does not answer tells nothing.
 */
export function readUnits(running: readonly ProcessFacts[], initCgroup: string | null): Units {
  const wanted = new Set(running.flatMap(({ cgroup }) => unitNames(ownPath(cgroup, initCgroup))));
  if (wanted.size === 0) return { units: [], unitsUnreadable: null };
  const shown = show([], { timeout: TIMEOUT_MS });
  if ("why" in shown) return { units: null, unitsUnreadable: `systemctl show: ${shown.why}` };
  const all = [...parseUnits(shown.text), ...unitsOfUsers(wanted)];
  const known = new Map(all.map((unit) => [unit.id, unit]));
  const triggers = [...wanted].flatMap((id) => [...(known.get(id)?.triggeredBy ?? []), socketBeside(id) ?? []].flat());
  const along = [...wanted].flatMap((id) => restartedAlong(id, known));
  const needed = new Set([...wanted, ...triggers, ...along]);
  return { units: all.filter(({ id }) => needed.has(id)), unitsUnreadable: null };
}

/** Services of users among `wanted`, by their whole names. */
function unitsOfUsers(wanted: ReadonlySet<string>): readonly UnitFacts[] {
  const deadline = performance.now() + ALL_USERS_TIMEOUT_MS;
  const uids = new Set([...wanted].flatMap((name) => userUnit(name)?.uid ?? []));
  return [...uids].flatMap((uid) => {
    const user = asUser(uid);
    const timeout = Math.floor(Math.min(USER_TIMEOUT_MS, deadline - performance.now()));
    if (user === null || timeout <= 0) return [];
    const shown = show(["--user"], { timeout, uid: user.uid, gid: user.gid }, user.env);
    if ("why" in shown) return [];
    const whole = (unit: string) => `user@${uid}.service/${unit}`;
    return parseUnits(shown.text).map((unit) => ({
      ...unit,
      id: whole(unit.id),
      triggeredBy: unit.triggeredBy.map(whole),
      ...(unit.restartsAlong ? { restartsAlong: unit.restartsAlong.map(whole) } : {}),
    }));
  });
}

/** What `systemctl show` prints of all services, of sockets, and of targets, over which a restart spreads as well. */
function show(
  scope: readonly string[],
  options: { readonly timeout: number; readonly uid?: number; readonly gid?: number },
  env: Readonly<Record<string, string>> = {},
): { readonly text: string } | { readonly why: string } {
  const properties = `--property=${UNIT_PROPERTIES.join(",")}`;
  const words = ["systemctl", ...scope, "show", "--no-pager", properties, "--", "*.service", "*.socket", "*.target"];
  const { uid, gid, timeout } = options;
  const all = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", ...env };
  const isOther = uid !== undefined && gid !== undefined;
  const apart = isOther ? outside(words, { uid, gid, env: all, longestMs: timeout }) : null;
  const [file = "systemctl", ...args] = apart?.words ?? words;
  const { status, signal, error, stdout, stderr } = spawnSync(file, args, {
    ...(isOther && apart === null ? { uid, gid } : {}),
    timeout,
    cwd: "/",
    env: all,
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    killSignal: "SIGKILL",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error) return { why: explain(codeOf(error)) };
  if (status !== 0) return { why: stderr.trim().split("\n")[0] || `systemctl ended with ${status ?? signal}` };
  return { text: stdout };
}

function unitNames(path: string | null): readonly string[] {
  const owner = path === null ? null : cgroupOwner(path);
  if (owner?.kind === "unit") return [owner.unit];
  if (owner?.kind !== "user-unit") return [];
  return owner.unit === null ? [owner.manager] : [owner.manager, `${owner.manager}/${owner.unit}`];
}
