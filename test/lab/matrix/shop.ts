import { LabError } from "../commands.ts";
import { execOk, type Host } from "../host.ts";
import type { Lab } from "../lab.ts";
import { openSession } from "../session.ts";
import { folderOf, unitOf } from "./scenario.ts";

/** Where a scenario is made: a folder on the host with `program` and `library.so` in version 1, owned by a package. */
export interface Shop {
  readonly lab: Lab;
  readonly host: Host;
  readonly folder: string;
  readonly unit: string;
  /** Path of a file in the folder. */
  at(file: string): string;
  /** Runs shell text in the folder, as root and outside of all units; `$new` holds version 2, `$old` version 1. */
  sh(script: string): Promise<string>;
  /** Starts the scenario's unit, or `options.unit`, and resolves with the pid of its program once that has loaded all. */
  start(args: readonly string[], options?: StartOptions): Promise<number>;
  /** Starts by other means, a shell text that uses `$ready`, and resolves with the pid that is written there. */
  started(script: string): Promise<number>;
  /** Puts version 2 in the place of `file` as package managers do: written beside it and renamed over it. */
  replace(file: "program" | "library.so"): Promise<void>;
  /** A service of xinetd with this configuration, whose sessions `program` serves. */
  xinetd(port: number, attributes?: Readonly<Record<string, string>>): Promise<void>;
  /** Opens a session and resolves with the pid of its server. */
  session(port: number): Promise<number>;
}

export interface StartOptions {
  readonly unit?: string;
  readonly properties?: readonly string[];
  /** In place of the folder's `program`; words. */
  readonly command?: readonly string[];
}

const PREAMBLE = 'set -eu; new=/opt/afterpatch/fixtures/2 old=/opt/afterpatch/fixtures/1; cd "$1"; ';

export function openShop(lab: Lab, host: Host, name: string): Shop {
  const folder = folderOf(name);
  const unit = unitOf(name);
  const sh = (script: string) => execOk(host, ["bash", "-c", PREAMBLE + script, "bash", folder]);
  const started = async (script: string) => {
    const waited = `${script}\nfor i in $(seq 200); do [ ! -e "$ready" ] || break; sleep 0.05; done; cat "$ready"`;
    const printed = await sh(`mkdir -p /run/matrix; ready=$(mktemp -u /run/matrix/XXXXXXXX); ${waited}`);
    return pidIn(printed.trim().split("\n").at(-1) ?? "", name);
  };
  const at = (file: string) => `${folder}/${file}`;
  return {
    lab,
    host,
    folder,
    unit,
    at,
    sh,
    started,
    start: (args, { unit: other = unit, properties = [], command = [at("program")] } = {}) => {
      const options = [`--unit=${other}`, "--collect", "--quiet", `--working-directory=${folder}`];
      for (const property of properties) options.push(`--property=${property}`);
      const words = [...options, "--", ...command].map(quoted).join(" ");
      return started(`systemd-run ${words} --ready="$ready" ${args.map(quoted).join(" ")}`);
    },
    replace: async (file) => {
      await sh(`cp "$new/${file}" ${file}.new; mv ${file}.new ${file}`);
    },
    xinetd: async (port, attributes = {}) => {
      await sh(
        `cat >/etc/xinetd.d/matrix-${name} <<'END'\n${xinetdEntry(name, port, attributes)}END\nsystemctl reload xinetd`,
      );
      await sh(`for i in $(seq 100); do ss -Hltn "sport = :${port}" | grep -q . && break; sleep 0.05; done`);
    },
    session: async (port) => pidIn((await openSession(lab, host, port)).greeting, name),
  };
}

function xinetdEntry(name: string, port: number, attributes: Readonly<Record<string, string>>): string {
  const all = {
    ...attributes,
    type: "UNLISTED",
    port: `${port}`,
    socket_type: "stream",
    protocol: "tcp",
    wait: "no",
    user: "root",
    server: `${folderOf(name)}/program`,
    server_args: "--serve",
    disable: "no",
    ...attributes,
  };
  const lines = Object.entries(all).map(([attribute, value]) => `\t${attribute} = ${value}\n`);
  return `service matrix-${name}\n{\n${lines.join("")}}\n`;
}

function pidIn(text: string, name: string): number {
  const digits = /([0-9]+)\s*$/.exec(text)?.[1];
  if (digits === undefined) throw new LabError("command-failed", `${name}: no pid in "${text}"`);
  return Number(digits);
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
