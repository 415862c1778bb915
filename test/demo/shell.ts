import { once } from "node:events";
import type { LabFleet } from "../e2e/fleet.ts";
import type { Page } from "./page.ts";

export const SHELL_STAGES = 3;

const HINTS = `Try: afterpatch --help
     afterpatch status
     afterpatch plan
     afterpatch rollout start all --serial 1 --reason DSA-6001
On a host, from another terminal of this machine: npm run lab -- shell web01 --name demo
'exit' or Ctrl-D removes everything.`;

/** Hosts with an upgrade that is not in force, and a shell in which `afterpatch` is their administrator's. */
export async function openShell(fleet: LabFleet, page: Page): Promise<void> {
  const sessions = await fleet.openSessions(1);
  page.stage(
    "The security upgrade",
    "dpkg has replaced the files; what runs, and who is logged in, goes on with the old.",
  );
  const { libssl, imapd } = await fleet.upgrade();
  page.line(`dpkg --install on every host: libssl3 ${libssl}, imapd ${imapd}`);
  page.stage(
    "Your turn",
    "A shell where the controller runs; afterpatch is on its path, with an administrator's credentials.",
  );
  page.line(`${HINTS}\n`);
  const shell = await fleet.spawnShell();
  await once(shell, "exit");
  for (const session of [...sessions.values()].flat()) await session.close().catch(() => undefined); // ended by the rollout
}
