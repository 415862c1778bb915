import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import type { ProcessFacts } from "@afterpatch/core/facts";
import { cgroupOwner, ownPath } from "@afterpatch/core/systemd/cgroup";
import { parseUnits, socketBeside, UNIT_PROPERTIES, type UnitFacts } from "@afterpatch/core/systemd/show";
import { codeOf, explain } from "./read.ts";

/** sd_booted(3) */
export function isSystemd(): boolean {
  return statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory() ?? false;
}

export interface Units {
  readonly units: readonly UnitFacts[] | null;
  readonly unitsUnreadable: string | null;
}

/** Units that these processes belong to, and the sockets that trigger them. One call for all. */
export function readUnits(running: readonly ProcessFacts[], initCgroup: string | null): Units {
  const wanted = new Set(running.flatMap(({ cgroup }) => unitName(ownPath(cgroup, initCgroup)) ?? []));
  if (wanted.size === 0) return { units: [], unitsUnreadable: null };
  const { status, signal, error, stdout, stderr } = spawnSync(
    "systemctl",
    ["show", "--no-pager", `--property=${UNIT_PROPERTIES.join(",")}`, "--", "*.service", "*.socket"],
    {
      cwd: "/",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
      timeout: 20_000,
      killSignal: "SIGKILL",
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  if (error) return failed(explain(codeOf(error)));
  if (status !== 0) return failed(stderr.trim().split("\n")[0] || `systemctl ended with ${status ?? signal}`);
  const all = parseUnits(stdout);
  const triggers = new Set(
    all.flatMap(({ id, triggeredBy }) => (wanted.has(id) ? [...triggeredBy, socketBeside(id) ?? []].flat() : [])),
  );
  return { units: all.filter(({ id }) => wanted.has(id) || triggers.has(id)), unitsUnreadable: null };
}

function failed(why: string): Units {
  return { units: null, unitsUnreadable: `systemctl show: ${why}` };
}

function unitName(path: string | null): string | null {
  const owner = path === null ? null : cgroupOwner(path);
  return owner?.kind === "unit" ? owner.unit : null;
}
