import { join } from "node:path";
import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { Scan } from "@afterpatch/core/scan";
import { build } from "esbuild";
import { type Payload, stagePayload } from "../../e2e/payload.ts";
import { type Agent, agentOn } from "../agent.ts";
import { execOk, type Host } from "../host.ts";
import type { Init } from "../init.ts";
import { down, hostOf, type Lab, up } from "../lab.ts";
import { openSession, type Session } from "../session.ts";

/** Of services that `serve` brings. */
export const LISTEN_PORTS = [1143, 2143, 2222];

/** A lab of one host with xinetd, the agent, and what the tests do there. */
export function stageFor(name: string, init: Init) {
  let payload: Payload | undefined;
  let made: { readonly lab: Lab; readonly host: Host } | undefined;
  const open: Session[] = [];
  const there = () => {
    if (made === undefined) throw new Error(`${name}: not made yet`);
    return made;
  };
  const sh = async (script: string, ...words: readonly string[]) =>
    (await execOk(there().host, ["bash", "-euc", script, "bash", ...words])).trim();
  const put = (path: string, text: string, mode = "644") =>
    execOk(there().host, ["sh", "-c", 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"', "sh", path, mode], {
      input: text,
    });
  return {
    sh,
    put,
    host: () => there().host,
    agent: (): Agent => agentOn(there().host),
    set: async () => {
      payload = await stagePayload();
      const outfile = join(payload.directory, "act.mjs");
      const entryPoints = [join(import.meta.dirname, "act.ts")];
      await build({ entryPoints, outfile, bundle: true, platform: "node", format: "esm", logLevel: "error" });
      const lab = await up({ name, hosts: 1, init, payload: payload.directory });
      made = { lab, host: hostOf(lab, 1) };
      return made.host;
    },
    clear: async () => {
      for (const session of open) await session.close();
      await down(name);
      await payload?.remove();
    },
    session: async (port: number, v6 = false) => {
      const session = await openSession(there().lab, there().host, port, { v6, timeoutMs: 30_000 });
      open.push(session);
      return session;
    },
    /** A program of its own for a service, so that it alone becomes old. */
    copied: (program: string, directory: string) => sh('mkdir -p "$2"; cp "$1" "$2"', program, directory),
    service: (id: string, port: number, attributes: string) =>
      put(
        `/etc/xinetd.d/${id}`,
        `service ${id}\n{\ntype = UNLISTED\nport = ${port}\nsocket_type = stream\nprotocol = tcp\nuser = root\n${attributes}\n}\n`,
      ),
    scan: () => agentOn(there().host).json<Scan>("scan"),
    apply: async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await agentOn(there().host).run("apply", ...args, "--yes", "-o", "json");
      if (stdout === "") throw new Error(`apply said nothing: exit ${code}: ${stderr}`);
      const { steps, proof } = JSON.parse(stdout) as ApplyDocument; // checked against its schema elsewhere
      const brief = steps.map(({ remedy, outcome }) => `${remedy.kind} ${remedy.target} ${outcome}`);
      return { code, steps, proof, brief };
    },
  };
}

export const WAIT = "wait = yes\nserver = /opt/waits/imapd\nserver_args = --wait";
