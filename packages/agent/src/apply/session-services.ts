import { statSync } from "node:fs";
import { CommandError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { someOf, visible } from "@afterpatch/core/text";
import { parseUnits } from "@afterpatch/core/systemd/show";
import { systemctl } from "../effects/run.ts";
import { readProcesses } from "../host/processes.ts";
import { readXinetd } from "../host/xinetd.ts";

const SHOW_TIMEOUT_MS = 30_000;
const MOST_SHOWN = 50;

/**
 * What `--service` names, as `end-session` calls it: a service of a super-server, or an `Accept=yes` socket, for which
 * `imaps` means `imaps.socket` too. One that nobody has is an error: it must not pass for "nothing to do".
 */
export async function sessionServices(names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const services = new Set(readXinetd(readProcesses()).map(({ id }) => id));
  const sockets = new Set(await acceptingSockets());
  return names.flatMap((name) => {
    const meant = [
      ...(services.has(name) ? [name] : []),
      ...[name, `${name}.socket`].filter((socket) => sockets.has(socket)),
    ];
    if (meant.length > 0) return meant;
    const known = [...services, ...sockets].map(visible);
    const todo = known.length === 0 ? "no super-server has one on this host" : `there are ${someOf(known, MOST_SHOWN)}`;
    throw new CommandError(EXIT.selection, "--service", `there is no service ${visible(name)}`, todo);
  });
}

async function acceptingSockets(): Promise<readonly string[]> {
  // Without systemd its bus name would be waited for. When it does not answer there are none to be named.
  if (!statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory()) return [];
  const { status, stdout } = await systemctl(["show", "--property=Id,Accept", "--", "*.socket"], SHOW_TIMEOUT_MS);
  return status === 0 ? parseUnits(stdout).flatMap(({ id, accept }) => (accept ? [id] : [])) : [];
}
