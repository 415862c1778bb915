import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// The units that are shipped, as systemd itself reads them.

const UNITS = resolve(import.meta.dirname, "../../deploy/systemd");
const HOST_UNITS = "/usr/lib/systemd/system";
const services = readdirSync(UNITS).filter((name) => name.endsWith(".service"));
const hasSystemd = existsSync(HOST_UNITS) && spawnSync("systemd-analyze", ["--version"]).status === 0;

test("each daemon has its unit", () => {
  expect(services.toSorted()).toEqual(["afterpatch-agent.service", "afterpatch-controller.service"]);
});

describe.skipIf(!hasSystemd)("under systemd", () => {
  let root: string;
  const ask = (...args: readonly string[]) => spawnSync(args[0] ?? "", args.slice(1), { encoding: "utf8" });

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "afterpatch-units-"));
    for (const folder of ["usr/lib/systemd", "etc/systemd/system", "usr/lib/sysusers.d"])
      mkdirSync(join(root, folder), { recursive: true });
    cpSync(HOST_UNITS, join(root, HOST_UNITS), { recursive: true, verbatimSymlinks: true });
    for (const name of services) {
      cpSync(join(UNITS, name), join(root, "etc/systemd/system", name));
      for (const [, program = ""] of readFileSync(join(UNITS, name), "utf8").matchAll(/^Exec\w+=[-@:+!]*(\S+)/gm)) {
        mkdirSync(join(root, dirname(program)), { recursive: true });
        writeFileSync(join(root, program), "#!/bin/sh\n");
        chmodSync(join(root, program), 0o755);
      }
    }
    cpSync(
      join(UNITS, "afterpatch-controller.sysusers.conf"),
      join(root, "usr/lib/sysusers.d/afterpatch-controller.conf"),
    );
  });
  afterAll(() => rmSync(root, { recursive: true }));

  test.each(services)("%s is understood to the last line", (name) => {
    const { status, stderr } = ask(
      "systemd-analyze",
      "verify",
      "--man=no", // the pages come with the packages
      `--root=${root}`,
      join(root, "etc/systemd/system", name),
    );
    expect([status, stderr]).toEqual([0, ""]);
  });

  test.each([
    ["afterpatch-controller.service", 15],
    ["afterpatch-agent.service", 30],
  ])("%s is exposed to little: at most %i tenths", (unit, threshold) => {
    const { status, stdout } = ask(
      ...["systemd-analyze", "security", "--offline=yes", `--root=${root}`, `--threshold=${threshold}`, unit],
    );
    expect([status, stdout.split("\n").at(-2)]).toEqual([0, expect.stringContaining("exposure level")]);
  });

  test("its user is made by systemd-sysusers", () => {
    const { stderr } = ask("systemd-sysusers", `--root=${root}`, "--dry-run");
    expect(stderr).toMatch(/Creating user 'afterpatch' \(afterpatch controller\)/);
  });
});
