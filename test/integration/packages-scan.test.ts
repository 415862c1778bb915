import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { HOST_DATABASES } from "@afterpatch/agent/host/packages/ask";
import { scanHost } from "@afterpatch/agent/host/scan";
import type { FoundFile, Scan } from "@afterpatch/core/scan";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { copyRuntime, openWorkshop, type Workshop, whatIsMissing } from "./old-code.ts";

// Real processes that map a library of a package, in a database of dpkg that the test writes.

const missing = whatIsMissing();
if (missing !== null && process.env.CI) test("what these tests need is here", () => expect(missing).toBeNull());

describe.skipIf(missing !== null)(`versions in memory${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let shop: Workshop;
  const at = (path: string) => join(shop.folder, path);
  const library = () => at("libone.so");

  beforeEach(() => {
    shop = openWorkshop();
    for (const name of ["dpkg/info", "dpkg/updates", "log"]) mkdirSync(at(name), { recursive: true });
    shop.program("daemon");
    install(1);
  });
  afterEach(() => shop.close());

  /** Unpacks version 1-N as dpkg does. */
  function install(version: number, lists: readonly string[] = [library()]): void {
    if (lists.length > 0) {
      shop.library("libone.so.dpkg-new", version);
      renameSync(at("libone.so.dpkg-new"), library());
    }
    const stanza = (name: string, text: string) =>
      `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${text}\n\n`;
    writeFileSync(at("dpkg/info/libone:amd64.list"), lists.map((path) => `${path}\n`).join(""));
    writeFileSync(at("dpkg/status"), stanza("dpkg", "1.0") + stanza("libone", `1-${version}`));
  }

  function scan(inventory: string | null = at("inventory")) {
    const rpm = { root: shop.folder, dbPath: "/none" };
    const databases = { ...HOST_DATABASES, dpkg: at("dpkg"), rpm, logs: at("log") };
    return scanHost({ hostId: null, name: "here", now: Date.now, inventory, databases });
  }

  function file(pid: number, found = scan()): FoundFile | undefined {
    return found.findings.find(({ process }) => process?.pid === pid)?.files.find(({ path }) => path === library());
  }

  /** Without what is said of other things than packages. */
  const notesOf = ({ notes }: Scan) => notes.filter((note) => /^(?:dpkg|rpm|packages|inventory):/.test(note));
  const start = () => shop.start(at("daemon"), [library()]);
  const local = (ms: number) => {
    const date = new Date(ms);
    const two = (number: number) => String(number).padStart(2, "0");
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  };
  const upgraded = (ms: number, from: number, to: number) =>
    `${local(ms)} upgrade libone:amd64 1-${from} 1-${to}\n${local(ms)} status unpacked libone:amd64 1-${to}\n`;
  const begun = () => `${local(Date.now() - 40 * 365 * 86_400_000)} startup archives unpack\n`;

  test("an earlier scan had seen the file: both versions, however many upgrades lie between", async () => {
    const pid = await start();
    expect(file(pid)).toBeUndefined();
    install(2);
    install(3);
    expect(file(pid)?.package).toEqual({
      name: "libone",
      from: "1-1",
      to: "1-3",
      installedAt: Math.floor(statSync(at("dpkg/info/libone:amd64.list")).mtimeMs),
    });
    // And once more, from the inventory alone.
    rmSync(at("dpkg"), { recursive: true });
    expect(file(pid)?.package).toMatchObject({ from: "1-1", to: "1-3" });
    expect(notesOf(scan())).toEqual([]);
  });

  test("no earlier scan, no log: the version in memory is not known", async () => {
    const pid = await start();
    install(2);
    expect(file(pid, scan(null))?.package).toMatchObject({ name: "libone", from: null, to: "1-2" });
    expect(file(pid)?.package).toMatchObject({ from: null, to: "1-2" });
  });

  test("the log tells it where it leaves no choice, also when it was rotated", async () => {
    const pid = await start();
    install(2);
    writeFileSync(at("log/dpkg.log"), begun() + upgraded(Date.now(), 1, 2));
    expect(file(pid, scan(null))?.package).toMatchObject({ from: "1-1", to: "1-2" });
    writeFileSync(at("log/dpkg.log"), upgraded(Date.now(), 1, 2));
    writeFileSync(at("log/dpkg.log.1"), "");
    writeFileSync(at("log/dpkg.log.2.gz"), gzipSync(begun()));
    expect(file(pid, scan(null))?.package).toMatchObject({ from: "1-1" });
    rmSync(at("log/dpkg.log.1"));
    expect(file(pid, scan(null))?.package).toMatchObject({ from: null });
  });

  test("which run of apt installed it, also when its log was rotated", async () => {
    const pid = await start();
    install(2);
    expect(file(pid)?.package).not.toHaveProperty("transaction");
    const stanza = `\nStart-Date: ${local(Date.now() - 5000).replace(" ", "  ")}
Commandline: apt-get -o Acquire::http::Proxy=http://me:secret@proxy/ upgrade
Requested-By: alice (1000)
Upgrade: libone:amd64 (1-1, 1-2)
End-Date: ${local(Date.now() + 5000).replace(" ", "  ")}\n`;
    mkdirSync(at("log/apt"));
    for (const write of [
      () => writeFileSync(at("log/apt/history.log"), stanza),
      () => writeFileSync(at("log/apt/history.log.1.gz"), gzipSync(stanza)),
    ]) {
      write();
      const found = file(pid)?.package?.transaction;
      expect(found).toMatchObject({ tool: "apt", user: "alice", command: expect.stringContaining("upgrade") });
      expect(found?.command).not.toContain("secret");
      writeFileSync(at("log/apt/history.log"), "");
    }
  });

  test("a history of zypper and a log of yum, where there is one", async () => {
    const pid = await start();
    install(2);
    mkdirSync(at("log/zypp"));
    const years = local(Date.now() - 40 * 365 * 86_400_000);
    const zypp = `${years}|install|libone|1-1|amd64||repo|x|\n${local(Date.now())}|command|root@here|'zypper' 'up'|
${local(Date.now())}|install|libone|1-2|amd64||repo|x|\n`;
    writeFileSync(at("log/zypp/history"), zypp);
    expect(file(pid, scan(null))?.package).toMatchObject({ from: "1-1", transaction: { command: "zypper up" } });
    rmSync(at("log/zypp"), { recursive: true });
    writeFileSync(at("log/dnf5.log"), zypp);
    expect(file(pid, scan(null))?.package).toMatchObject({ from: null, to: "1-2" });
  });

  test("two candidates are none", async () => {
    const pid = await start();
    install(2);
    install(3);
    writeFileSync(at("log/dpkg.log"), begun() + upgraded(Date.now(), 1, 2) + upgraded(Date.now() + 1000, 2, 3));
    expect(file(pid, scan(null))?.package).toMatchObject({ from: null, to: "1-3" });
  });

  test("a file that is gone, by what an earlier scan saw", async () => {
    const pid = await start();
    scan();
    install(2, []);
    rmSync(library());
    expect(file(pid)).toMatchObject({ verdict: "removed", package: { name: "libone", from: "1-1", to: "1-2" } });
    expect(file(pid, scan(null))).toMatchObject({ verdict: "removed", package: null });
  });

  test("a file that somebody put there by hand is of no version", async () => {
    const pid = await start();
    scan();
    shop.library("libone.so.new", 9);
    execFileSync("touch", ["-d", "now + 1 hour", at("libone.so.new")]);
    renameSync(at("libone.so.new"), library());
    expect(file(pid)?.package).toEqual({ name: "libone", from: "1-1", to: null, installedAt: null });
    const other = await start();
    scan();
    install(2);
    writeFileSync(at("log/dpkg.log"), begun() + upgraded(Date.now(), 1, 2));
    expect(file(other)?.package).toMatchObject({ name: "libone", from: null, to: "1-2" });
  });

  test("in a chroot: a package of the host that lists the same name owns nothing there", async () => {
    const jail = at("jail");
    copyRuntime(jail);
    copyFileSync(at("daemon"), join(jail, "daemon"));
    mkdirSync(join(jail, shop.folder), { recursive: true });
    copyFileSync(library(), join(jail, library()));
    const pid = await shop.start("chroot", [jail, "/daemon", library()]);
    scan();
    install(2);
    copyFileSync(library(), join(jail, "new"));
    renameSync(join(jail, "new"), join(jail, library()));
    for (const inventory of [at("inventory"), null]) {
      const { findings } = scan(inventory);
      const files = findings.find(({ process }) => process?.pid === pid)?.files;
      expect(files).toMatchObject([{ path: join(jail, library()), verdict: "replaced", package: null }]);
    }
  });

  test("in a mount namespace of its own: the path of a package, and another file mounted there", async () => {
    shop.library("libother.so", 7);
    const script = `mount --bind ${at("libother.so")} ${library()} && exec ${at("daemon")} ${library()}`;
    const pid = await shop.start("unshare", ["--mount", "sh", "-c", script]);
    scan();
    shop.library("libnew.so", 8);
    execFileSync("nsenter", ["-t", `${pid}`, "-m", "mount", "--bind", at("libnew.so"), library()]);
    expect(file(pid)).toMatchObject({ verdict: "replaced", package: null });
    expect(file(pid, scan(null))).toMatchObject({ verdict: "replaced", package: null });
  });

  test("a package that nobody brings to an end is noted, once that holds nothing off any more", () => {
    const status = readFileSync(at("dpkg/status"), "utf8");
    writeFileSync(at("dpkg/status"), status.replace(/(libone\nStatus: install ok )installed/, "$1half-configured"));
    const given = () => scan().notes.filter((note) => note.startsWith("package "));
    expect(given()).toEqual([]);
    const unpacked = Date.parse("2026-11-22T10:00:00Z") / 1000;
    for (const path of ["dpkg/info/libone:amd64.list", "dpkg/status"]) utimesSync(at(path), unpacked, unpacked);
    const said = "package libone was unpacked 2026-11-22T10:00:00Z and is half-configured since; it holds nothing off";
    expect(given()).toEqual([`${said}, see dpkg --audit`]);
  });

  test("a database that cannot be read costs the names and nothing else", async () => {
    const pid = await start();
    install(2);
    rmSync(at("dpkg/status"));
    execFileSync("mkfifo", [at("dpkg/status")]);
    const found = scan();
    expect(file(pid, found)).toMatchObject({ verdict: "replaced", package: null });
    expect(notesOf(found)).toEqual([expect.stringContaining("status: not a regular file")]);
  });

  test.each([
    ["damaged", () => writeFileSync(at("inventory"), readFileSync(at("inventory")).subarray(0, 100)), /damaged/],
    ["a FIFO", () => execFileSync("mkfifo", [at("inventory")]), /not a regular file/],
    ["a link", () => execFileSync("ln", ["-s", "/etc/passwd", at("inventory")]), /ELOOP/],
    ["too large", () => execFileSync("truncate", ["-s", "1T", at("inventory")]), /too large/],
  ])("an inventory that is %s is said and made anew", async (_name, spoil, why) => {
    const pid = await start();
    scan();
    const before = readFileSync(at("inventory"), "utf8");
    if (_name !== "damaged") rmSync(at("inventory"));
    spoil();
    const notes = notesOf(scan());
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(why);
    expect(readFileSync("/etc/passwd", "utf8")).toContain("root:");
    expect(readFileSync(at("inventory"), "utf8")).toContain(library());
    expect(before).toContain(library());
    install(2);
    expect(file(pid)?.package).toMatchObject({ from: "1-1", to: "1-2" });
  });

  test("an inventory that cannot be written is said, and the scan goes on", async () => {
    const pid = await start();
    install(2);
    const found = scan(at("no-such-folder/inventory"));
    expect(notesOf(found)).toEqual([expect.stringContaining("it is not kept")]);
    expect(file(pid, found)?.package).toMatchObject({ name: "libone", to: "1-2" });
  });

  test("a scan that learns nothing new writes nothing", async () => {
    await start();
    scan();
    scan();
    const before = statSync(at("inventory"), { bigint: true });
    const mine = () =>
      readFileSync(at("inventory"), "utf8")
        .split("\n")
        .filter((line) => line.includes(shop.folder));
    const lines = mine();
    scan();
    expect(mine()).toEqual(lines);
    expect(before.mode & 0o777n).toBe(0o600n);
  });
});
