import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scanHost } from "@afterpatch/agent/host/scan";
import type { Finding } from "@afterpatch/core/scan";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openWorkshop, type Workshop, whatIsMissing } from "./old-code.ts";

// Files that were written to in place with relocations that stayed the same: only what an earlier scan saw tells.

const missing = whatIsMissing();
if (missing !== null && process.env.CI) test("what these tests need is here", () => expect(missing).toBeNull());

describe.skipIf(missing !== null)(`written to in place${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let shop: Workshop;
  let state: string;
  const at = (path: string) => join(shop.folder, path);

  beforeAll(() => {
    shop = openWorkshop();
    shop.program("daemon");
    state = mkdtempSync(join(tmpdir(), "afterpatch-state-"));
  });
  beforeEach(() => {
    rmSync(join(state, "inventory.states"), { force: true });
  });
  afterAll(async () => {
    await shop.close();
    rmSync(state, { recursive: true, force: true });
  });

  function findingOf(pid: number): Finding | null {
    const { findings } = scanHost({ hostId: null, name: "here", now: Date.now, inventory: join(state, "inventory") });
    return findings.find(({ process }) => process?.pid === pid) ?? null;
  }

  /** A scan of a process that is older than a second: of a younger one nobody could tell which was first. */
  async function scannedLater(pid: number): Promise<void> {
    await expect.poll(() => ageMs(pid), { timeout: 10_000 }).toBeGreaterThan(1500);
    expect(findingOf(pid)).toBeNull();
  }

  async function mapped(name: string): Promise<number> {
    shop.library(name, 1);
    return shop.start(at("daemon"), [at(name)]);
  }

  /** The constant that the function returns: one byte of code; size, build-id and relocations stay. */
  function patch(name: string, to: number): void {
    const bytes = readFileSync(at(name));
    const place = bytes.indexOf(Buffer.from([0xb8, to === 2 ? 1 : 2, 0, 0, 0])); // mov $1, %eax
    expect(place).toBeGreaterThan(0);
    const fd = openSync(at(name), "r+");
    writeSync(fd, Buffer.from([to]), 0, 1, place + 1);
  }

  test.skipIf(process.arch !== "x64")("one byte of code, with the build-id and all relocations as before", async () => {
    const pid = await mapped("libbyte.so");
    await scannedLater(pid);
    patch("libbyte.so", 2);
    const expected = {
      verdict: "modified-in-place",
      files: [{ path: at("libbyte.so"), verdict: "modified-in-place" }],
    };
    expect(findingOf(pid)).toMatchObject(expected);
    // The scan that found it has seen the new bytes: it is found again nevertheless, and not of a process that came later.
    const fresh = await shop.start(at("daemon"), [at("libbyte.so")]);
    expect(findingOf(pid)).toMatchObject(expected);
    expect(findingOf(fresh)).toBeNull();
    chmodSync(at("libbyte.so"), 0o700);
    expect(findingOf(pid)).toMatchObject(expected);
  });

  test.skipIf(process.arch !== "x64")("with the time of modification put back", async () => {
    const pid = await mapped("libback.so");
    await scannedLater(pid);
    const { atime, mtime } = statSync(at("libback.so"));
    patch("libback.so", 2);
    utimesSync(at("libback.so"), atime, mtime);
    expect(findingOf(pid)).toMatchObject({ verdict: "modified-in-place" });
  });

  test("another build with the same relocations, as rsync --inplace writes it", async () => {
    const pid = await mapped("libbuild.so");
    await scannedLater(pid);
    shop.library("libbuild.so.next", 2);
    execFileSync("dd", [`if=${at("libbuild.so.next")}`, `of=${at("libbuild.so")}`, "conv=notrunc"], { stdio: "pipe" });
    expect(findingOf(pid)).toMatchObject({ verdict: "modified-in-place" });
  });

  test("written through a mapping", async () => {
    const pid = await mapped("libmmap.so");
    await scannedLater(pid);
    shop.library("libmmap.so.next", 2);
    execFileSync("python3", ["-c", WRITE_MAPPED, at("libmmap.so.next"), at("libmmap.so")]);
    expect(findingOf(pid)).toMatchObject({ verdict: "modified-in-place" });
  });

  test("a child that was forked after it has what its parent mapped, and goes on after it", async () => {
    shop.library("libfork.so", 1);
    const pid = await shop.start("python3", ["-c", FORKS, at("libfork.so"), at("child")]);
    await scannedLater(pid);
    shop.library("libfork.so.next", 2);
    execFileSync("dd", [`if=${at("libfork.so.next")}`, `of=${at("libfork.so")}`, "conv=notrunc"], { stdio: "pipe" });
    expect(findingOf(pid)).toMatchObject({ verdict: "modified-in-place" });
    // Later than what counts as the same time.
    await expect.poll(() => Date.now() - statSync(at("libfork.so")).ctimeMs, { timeout: 10_000 }).toBeGreaterThan(1500);
    process.kill(pid, "SIGUSR1");
    await expect.poll(() => existsSync(at("child")), { timeout: 10_000 }).toBe(true);
    const child = Number(readFileSync(at("child"), "utf8"));
    try {
      expect(findingOf(child)).toMatchObject({ verdict: "modified-in-place" });
      process.kill(pid, "SIGKILL");
      await expect.poll(() => findingOf(pid), { timeout: 10_000 }).toBeNull();
      expect(findingOf(child)).toMatchObject({ verdict: "modified-in-place" });
    } finally {
      process.kill(child, "SIGKILL");
    }
  });

  test("a process that started after the last scan: nobody saw which was first", async () => {
    await scannedLater(await mapped("libboth.so"));
    const pid = await shop.start(at("daemon"), [at("libboth.so")]);
    shop.library("libboth.so.next", 2);
    execFileSync("dd", [`if=${at("libboth.so.next")}`, `of=${at("libboth.so")}`, "conv=notrunc"], { stdio: "pipe" });
    expect(findingOf(pid)).toMatchObject({ verdict: "unknown", remedy: { automatic: false } });
  });

  test.each([
    ["touched", (path: string) => execFileSync("touch", [path])],
    ["given other rights", (path: string) => execFileSync("chmod", ["700", path])],
    [
      "written over with the same bytes",
      (path: string) =>
        execFileSync("sh", ["-c", 'cat "$1" >"$1.copy"; dd if="$1.copy" of="$1" conv=notrunc', "sh", path], {
          stdio: "pipe",
        }),
    ],
  ])("%s: no finding", async (name, change) => {
    const library = `lib-${name.replaceAll(" ", "-")}.so`;
    const pid = await mapped(library);
    await scannedLater(pid);
    change(at(library));
    expect(findingOf(pid)).toBeNull();
    expect(findingOf(pid)).toBeNull();
  });

  test("reinstalled with the same bytes, and then written to: the inode is another one", async () => {
    const pid = await mapped("libinode.so");
    await scannedLater(pid);
    execFileSync("sh", ["-c", 'cp "$1" "$1.new"; mv "$1.new" "$1"', "sh", at("libinode.so")]);
    expect(findingOf(pid)).toBeNull();
  });
});

function ageMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const startTicks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  return Number.parseFloat(readFileSync("/proc/uptime", "utf8")) * 1000 - startTicks * 10;
}

const FORKS = `
import ctypes, os, signal, sys, time
library = ctypes.CDLL(sys.argv[1])
def fork(*_):
    if os.fork() == 0:
        with open(sys.argv[2] + ".new", "w") as file: file.write(str(os.getpid()))
        os.rename(sys.argv[2] + ".new", sys.argv[2])
        time.sleep(1000)
signal.signal(signal.SIGUSR1, fork)
print("ready", flush=True)
while True: time.sleep(1000)
`;

const WRITE_MAPPED = `
import mmap, sys
new = open(sys.argv[1], "rb").read()
with open(sys.argv[2], "r+b") as file:
    mapped = mmap.mmap(file.fileno(), 0)
    mapped[: len(new)] = new
    mapped.flush()
`;
