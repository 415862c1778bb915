import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Cli {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when both streams together have printed this. */
  printed(text: string): Promise<void>;
}

/** Runs the CLI from its sources, without a terminal. */
export function cli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Cli {
  const child = spawn("sh", ["test/node.sh", "packages/cli/src/main.ts", ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: "/nonexistent", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return observed(child);
}

function observed(child: ChildProcess): Cli {
  let [out, err] = ["", ""];
  const waiting = new Set<() => void>();
  const changed = () => {
    for (const look of [...waiting]) look();
  };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    changed();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    changed();
  });
  const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, out, err })));
  const printed = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!(out + err).includes(text)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void ended.then(() => reject(new Error(`ended without printing ${JSON.stringify(text)}: ${out}${err}`)));
    });
  return { child, ended, printed };
}

/** A CA with a server's and an operator's certificate; the operator's directory is `operator/`. */
export function makeCredentials(directory: string, address: string): string {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  mkdirSync(join(directory, "operator"), { recursive: true });
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...ec, "-subj", "/CN=test CA", "-days", "2", "-keyout", "ca.key", "-out", "ca.crt");
  const issue = (name: string, extension: string, ...dates: string[]) => {
    writeFileSync(join(directory, `${name}.ext`), extension);
    openssl("req", ...ec, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    const request = ["-req", "-in", `${name}.csr`, "-CA", "ca.crt", "-CAkey", "ca.key", "-extfile", `${name}.ext`];
    openssl("x509", ...request, ...(dates.length > 0 ? dates : ["-days", "2"]), "-out", `${name}.crt`);
  };
  issue("server", "subjectAltName=DNS:localhost,DNS:afterpatch-controller,IP:127.0.0.1");
  issue("operator", "extendedKeyUsage=clientAuth");
  issue("expired", "extendedKeyUsage=clientAuth", "-days", "-1");
  const operator = join(directory, "operator");
  for (const name of ["ca.crt", "operator.crt", "operator.key"])
    copyFileSync(join(directory, name), join(operator, name));
  writeFileSync(join(operator, "controller"), `${address}\n`);
  return operator;
}
