import { execFileSync } from "node:child_process";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scanHost } from "@afterpatch/agent/host/scan";
import type { Finding } from "@afterpatch/core/scan";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWorkshop, type Workshop, whatIsMissing } from "./old-code.ts";

// A service of an init script, on a machine whose PID 1 is not systemd.

const missing = existsSync("/run/systemd/system")
  ? "systemd makes units of init scripts here"
  : existsSync("/etc/init.d")
    ? whatIsMissing()
    : "no /etc/init.d";

describe.skipIf(missing !== null)(`SysV services${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  const name = `afterpatch-test-${process.pid}`;
  const script = `/etc/init.d/${name}`;
  const pidFile = `/run/${name}.pid`;
  let shop: Workshop;
  let at: (path: string) => string;

  beforeAll(() => {
    shop = openWorkshop();
    at = (path) => join(shop.folder, path);
    shop.program("daemon");
    shop.library("libone.so", 1);
    writeFileSync(script, `#!/bin/sh\nNAME=${name}\nDAEMON=${at("daemon")}\nPIDFILE=/run/$NAME.pid\n`, { mode: 0o755 });
  });
  afterAll(async () => {
    rmSync(script, { force: true });
    rmSync(pidFile, { force: true });
    await shop.close();
  });

  function findingOf(pid: number): Finding | undefined {
    return scanHost({ hostId: null, name: "here", now: Date.now }).findings.find(({ process }) => process?.pid === pid);
  }

  test("its pid file tells, and only for the process that was there when it was written", async () => {
    const [own, other] = [
      await shop.start(at("daemon"), [at("libone.so")]),
      await shop.start(at("daemon"), [at("libone.so")]),
    ];
    writeFileSync(pidFile, `${own}\n`);
    shop.library("new", 2);
    renameSync(at("new"), at("libone.so"));
    expect(findingOf(own)).toMatchObject({
      kind: "service",
      owner: { kind: "service", manager: "sysv", name },
      remedy: { kind: "restart-service", target: name, automatic: true },
    });
    expect(findingOf(own)?.remedy.reason).toContain(`${pidFile} names its pid`);
    expect(findingOf(other)?.owner).toEqual({ kind: "application", manager: null, name: at("daemon") });
    // As it is when the number was taken over by another process later.
    execFileSync("touch", ["-d", "2020-01-01", pidFile]);
    expect(findingOf(own)?.owner.manager).toBeNull();
  });

  test("a pid file that is a fifo is not waited for", async () => {
    rmSync(pidFile, { force: true });
    execFileSync("mkfifo", [pidFile]);
    shop.library("libtwo.so", 1);
    const pid = await shop.start(at("daemon"), [at("libtwo.so")]);
    rmSync(at("libtwo.so"));
    expect(findingOf(pid)?.owner.manager).toBeNull();
  });
});
