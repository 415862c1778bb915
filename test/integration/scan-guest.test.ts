import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, renameSync, writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { scanHost } from "@afterpatch/agent/host/scan";
import { afterAll, expect, test } from "vitest";
import { openWorkshop, whatIsMissing } from "./old-code.ts";

const QEMU = "/usr/bin/qemu-system-x86_64";
const missing = whatIsMissing() ?? (existsSync(QEMU) ? null : `no ${QEMU}`);
if (missing !== null && process.env.CI) test("what this test needs is here", () => expect(missing).toBeNull());

const shop = missing === null ? openWorkshop() : null;
afterAll(() => shop?.close());

test.skipIf(missing !== null)(
  "a guest of the real QEMU whose emulator was replaced is its owner, and nothing restarts it",
  async () => {
    if (shop === null) return;
    const emulator = join(shop.folder, "qemu-system-x86_64");
    copyFileSync(QEMU, emulator);
    const words = ["-name", "guest=web,debug-threads=on", "-machine", "none", "-nodefaults", "-display", "none", "-S"];
    const child = spawn(emulator, [...words, "-monitor", "stdio"], {
      env: { QEMU_MODULE_DIR: "/usr/lib/x86_64-linux-gnu/qemu" }, // it looks for its modules beside itself
      stdio: ["pipe", "pipe", "inherit"],
    });
    try {
      await once(child.stdout, "data"); // its monitor greets when the machine is there
      replaceBuild(emulator);
      const { findings } = scanHost({ hostId: null, name: "here", now: Date.now });
      expect(findings.find(({ process }) => process?.pid === child.pid)).toMatchObject({
        verdict: "replaced",
        kind: "application",
        owner: { kind: "virtual-machine", manager: null, name: "web" },
        remedy: { kind: "none", automatic: false },
      });
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  },
);

/** Another build takes the program's place: the first byte of its build-id, elf(5), is turned round. */
function replaceBuild(program: string): void {
  const bytes = readFileSync(program);
  const note = bytes.indexOf(Buffer.from("\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0", "latin1"));
  expect(note).toBeGreaterThan(0);
  bytes[note + 16] = 255 - (bytes[note + 16] ?? 0);
  writeFileSync(`${program}.new`, bytes, { mode: 0o755 });
  renameSync(`${program}.new`, program);
}
