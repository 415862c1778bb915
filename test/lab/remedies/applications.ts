import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { Plan } from "@afterpatch/core/plan/types";
import type { Scan } from "@afterpatch/core/scan";
import { stringify } from "yaml";
import { type Payload, stagePayload } from "../../e2e/payload.ts";
import { agentOn } from "../agent.ts";
import { exec, execOk, type Host } from "../host.ts";
import type { Init } from "../init.ts";
import { down, hostOf, type Lab, up } from "../lab.ts";

/** One rule of `applications` in the agent's file, as it is written there. */
export type Rule = Readonly<Record<string, unknown>> & { readonly name: string };

/**
 * A lab of one host on which users run applications. An application NAME is a bash of its own, /opt/NAME/NAME, so that
 * it alone becomes old; it notes in /opt/NAME/launched with what words it was launched, and stays.
 */
export function stageFor(name: string, init: Init) {
  let payload: Payload | undefined;
  let made: { readonly lab: Lab; readonly host: Host } | undefined;
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
  const launch = (variable: string, app: string, user: string, ...words: readonly string[]) => {
    const script = `count=$(wc -l </opt/$2/launched)
      setsid setpriv --reuid "$3" --regid "$3" --init-groups env "$1" "/opt/$2/$2" "/opt/$2/run" "\${@:4}" </dev/null >/dev/null 2>&1 &
      until [ "$(wc -l </opt/$2/launched)" -gt "$count" ]; do sleep 0.05; done
      echo $!`;
    return sh(script, variable, app, user, ...words);
  };
  return {
    sh,
    put,
    host: () => there().host,
    lab: () => there().lab,
    set: async () => {
      payload = await stagePayload();
      const lab = await up({ name, hosts: 1, init, payload: payload.directory });
      made = { lab, host: hostOf(lab, 1) };
      await sh("groupadd printers; for u in shop bob; do useradd --create-home --groups printers $u; done");
    },
    clear: async () => {
      await down(name);
      await payload?.remove();
    },
    rules: (...applications: readonly Rule[]) => put("/etc/afterpatch/agent.yaml", stringify({ applications })),
    /** Brings an application; `before` are lines that it runs first. */
    bring: async (app: string, before = "") => {
      const stay = "exec 3<>/opt/$1/never; while :; do read -r -u 3; done";
      await put(`/opt/${app}/run`, `set -- ${app} "$@"\n${before}\n(IFS='|'; echo "$*") >>/opt/$1/launched\n${stay}\n`);
      await sh('cp /bin/bash "/opt/$1/$1"; mkfifo -m 666 "/opt/$1/never"; : >"/opt/$1/launched"', app);
      await sh('chmod 666 "/opt/$1/launched"; mkdir -p "/opt/$1/place"', app);
    },
    /** Runs one as `user`, as they would by hand; resolves with its pid. */
    start: (app: string, user: string, ...words: readonly string[]) => launch("NOTHING=", app, user, ...words),
    /** The same with a variable `NAME=VALUE` in its environment. */
    startWith: (variable: string, app: string, user: string) => launch(variable, app, user),
    /** Pids of all that run the application's program, old ones too. */
    pids: async (app: string) => (await sh('pgrep -f "^/opt/$1/$1 " || true', app)).split("\n").filter(Boolean),
    launched: async (app: string) => (await sh('cat "/opt/$1/launched"', app)).split("\n").filter(Boolean),
    scan: () => agentOn(there().host).json<Scan>("scan"),
    plan: () => agentOn(there().host).json<Plan>("plan"),
    raw: (...args: readonly string[]) => agentOn(there().host).run(...args),
    apply: async (...args: readonly string[]) => {
      const command = [
        "/opt/afterpatch/bin/afterpatch-agent",
        "apply",
        "--settle",
        "1s",
        ...args,
        "--yes",
        "-o",
        "json",
      ];
      const { code, stdout, stderr } = await exec(there().host, command, { timeoutMs: 300_000 });
      if (!stdout.includes('"steps"')) throw new Error(`apply: exit ${code}: ${stdout}${stderr}`);
      const document = JSON.parse(stdout) as ApplyDocument; // checked against its schema elsewhere
      const brief = document.steps.map(({ remedy, outcome }) => `${remedy.kind} ${remedy.target} ${outcome}`);
      return { code, document, brief, evidence: document.steps[0]?.evidence ?? "" };
    },
  };
}
