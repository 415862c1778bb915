import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { initialise } from "@afterpatch/controller/ca/init";
import { afterAll, beforeAll, expect } from "vitest";

// A controller that ends by itself, and the data directories that it is given.

const ROOT = resolve(import.meta.dirname, "../..");
/** Ports that the system chooses. */
export const PORTS = ["--port", "0", "--enrol-port", "0", "--http-port", "0"];

export interface DataDirectories {
  /** Where all of them are; everybody may look into it. */
  folder(): string;
  /** One as `init` makes it, for the name localhost. */
  fresh(): string;
  /** A copy of it that belongs to `owner`, a uid. */
  copyOf(owner?: number): string;
}

/** For as long as the tests of a file run. */
export function dataDirectories(): DataDirectories {
  let made = "";
  let copies = 0;
  const folder = () => {
    if (made === "") throw new Error("the folder is not made yet");
    return made;
  };
  const fresh = () => join(folder(), "fresh");

  beforeAll(async () => {
    made = mkdtempSync(join(tmpdir(), "afterpatch-wrong-"));
    chmodSync(made, 0o755);
    await initialise(fresh(), { names: ["localhost"], port: 7443, enrolPort: 7444 }, Date.now());
  });
  afterAll(() => rmSync(folder(), { recursive: true }));

  return {
    folder,
    fresh,
    copyOf: (owner = 0) => {
      const copy = join(folder(), `copy-${++copies}`);
      cpSync(fresh(), copy, { recursive: true });
      if (owner !== 0)
        for (const name of ["", ...readdirSync(copy, { recursive: true, encoding: "utf8" })])
          chownSync(join(copy, name), owner, owner);
      return copy;
    },
  };
}

/** Runs a controller to its end, as another user if asked, its standard output into a file if asked. */
export function controller(args: readonly string[], { uid = 0, stdout = "" } = {}) {
  const words = [join(ROOT, "test/node.sh"), join(ROOT, "packages/controller/src/main.ts"), ...args];
  const shell = stdout === "" ? ["sh", ...words] : ["sh", "-c", `exec sh "$@" > ${stdout}`, "sh", ...words];
  const who = uid === 0 ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const [program = "", ...rest] = [...who, ...shell];
  return spawnSync(program, rest, { encoding: "utf8", timeout: 20_000, cwd: "/" });
}

/** It said one line, on standard error, and ended with this code. */
export function expectOneLine(ended: ReturnType<typeof controller>, code: number, message: RegExp): void {
  expect(ended.stderr).toMatch(message);
  expect(ended.stderr).toMatch(/^afterpatch-controller: [^\n]+: [^\n]+; [^\n]+\n$/);
  expect(ended.stderr.length).toBeLessThan(600);
  expect([ended.status, ended.stdout]).toEqual([code, ""]);
}
