import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderScan } from "@afterpatch/agent/render/scan";
import { scanHost } from "@afterpatch/agent/host/scan";
import { planOf } from "@afterpatch/core/plan/plan";
import type { Finding, Scan } from "@afterpatch/core/scan";
import { parseScan } from "@afterpatch/core/scan-json";
import { visible } from "@afterpatch/core/text";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { schemaErrors } from "../cases/schema.ts";
import { copyRuntime, openWorkshop, type Workshop, whatIsMissing } from "./old-code.ts";

// Real processes that map real files. Runs as root, with a compiler; says by name what is missing otherwise.

const missing = whatIsMissing();
// Where everything has to be there, a part that is missing is a failure and not a skip.
if (missing !== null && process.env.CI) test("what these tests need is here", () => expect(missing).toBeNull());

function scan(): Scan {
  return scanHost({ hostId: null, name: "here", now: Date.now, all: true });
}

function findingOf(pid: number, found = scan()): Finding | null {
  return found.findings.find(({ process }) => process?.pid === pid) ?? null;
}

/** Verdicts of the files of one process, by path below the workshop. */
function verdicts(pid: number, below: string): Readonly<Record<string, string>> {
  const files = findingOf(pid)?.files ?? [];
  return Object.fromEntries(files.map(({ path, verdict }) => [path.replace(`${below}/`, ""), verdict]));
}

describe.skipIf(missing !== null)(`scan of real processes${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let shop: Workshop;
  let at: (path: string) => string;

  beforeAll(() => {
    shop = openWorkshop();
    at = (path) => join(shop.folder, path);
    shop.program("daemon");
  });
  afterAll(() => shop.close());

  /** Puts a new file at a path as a package manager does: written beside it, then renamed over it. */
  function upgrade(path: string, version: number, options?: { readonly buildId?: boolean }): void {
    shop.library(`${path}.new`, version, options);
    renameSync(at(`${path}.new`), at(path));
  }

  test("a replaced library, with both build-ids", async () => {
    shop.library("libone.so", 1);
    const pid = await shop.start(at("daemon"), [at("libone.so")]);
    expect(findingOf(pid)).toBeNull();
    upgrade("libone.so", 2);
    const finding = findingOf(pid);
    expect(finding).toMatchObject({ verdict: "replaced", process: { user: "root", executable: at("daemon") } });
    expect(finding?.files).toMatchObject([{ path: at("libone.so"), kind: "library", verdict: "replaced" }]);
    const ids = finding?.files[0]?.buildId;
    expect(ids?.mapped).toMatch(/^[0-9a-f]{40}$/);
    expect(ids?.onDisk).toMatch(/^[0-9a-f]{40}$/);
    expect(ids?.mapped).not.toBe(ids?.onDisk);
  });

  test("a replaced library without build-ids", async () => {
    shop.library("libbare.so", 1, { buildId: false });
    const pid = await shop.start(at("daemon"), [at("libbare.so")]);
    upgrade("libbare.so", 2, { buildId: false });
    expect(findingOf(pid)?.files).toMatchObject([{ verdict: "replaced", buildId: { mapped: null, onDisk: null } }]);
  });

  test.each([
    ["with", true],
    ["without", false],
  ])("a reinstall of the same bytes is no finding, %s a build-id", async (name, buildId) => {
    const library = `libsame-${name}.so`;
    shop.library(library, 1, { buildId });
    const pid = await shop.start(at("daemon"), [at(library)]);
    copyFileSync(at(library), at(`${library}.new`));
    renameSync(at(`${library}.new`), at(library));
    const found = scan();
    expect(findingOf(pid, found)).toBeNull();
    expect(found.identical).toContainEqual({ pid, path: at(library) });
  });

  test("a removed library", async () => {
    shop.library("libgone.so", 1);
    const pid = await shop.start(at("daemon"), [at("libgone.so")]);
    rmSync(at("libgone.so"));
    expect(findingOf(pid)).toMatchObject({
      verdict: "removed",
      files: [{ path: at("libgone.so"), verdict: "removed" }],
    });
  });

  test("a replaced program", async () => {
    shop.program("server");
    const pid = await shop.start(at("server"), []);
    writeFileSync(at("server.new"), "#!/bin/sh\n");
    renameSync(at("server.new"), at("server"));
    expect(findingOf(pid)?.files).toMatchObject([{ path: at("server"), kind: "executable", verdict: "replaced" }]);
  });

  test("an old file that still has another hard link", async () => {
    shop.library("liblink.so", 1);
    execFileSync("ln", [at("liblink.so"), at("liblink.so.kept")]);
    const pid = await shop.start(at("daemon"), [at("liblink.so")]);
    upgrade("liblink.so", 2);
    expect(verdicts(pid, shop.folder)).toEqual({ "liblink.so": "replaced" });
  });

  test("a live file really called `x (deleted)` is not old", async () => {
    shop.library("libx.so (deleted)", 1);
    const pid = await shop.start(at("daemon"), [at("libx.so (deleted)")]);
    expect(findingOf(pid)).toBeNull();
    upgrade("libx.so (deleted)", 2);
    expect(verdicts(pid, shop.folder)).toEqual({ "libx.so (deleted)": "replaced" });
  });

  test("a newline in the name", async () => {
    shop.library("lib\nline.so", 1);
    const pid = await shop.start(at("daemon"), [at("lib\nline.so")]);
    expect(findingOf(pid)).toBeNull();
    upgrade("lib\nline.so", 2);
    expect(findingOf(pid)?.files).toMatchObject([{ path: visible(at("lib\nline.so")), verdict: "replaced" }]);
  });

  test("bytes in the name that are not UTF-8", async () => {
    const path = Buffer.concat([Buffer.from(at("lib")), Buffer.from([0xff]), Buffer.from(".so")]);
    shop.library("libraw.so", 1);
    renameSync(at("libraw.so"), path);
    const wrapper = at("raw.sh");
    writeFileSync(wrapper, Buffer.concat([Buffer.from(`exec ${at("daemon")} '`), path, Buffer.from("'\n")]));
    const pid = await shop.start("sh", [wrapper]);
    expect(findingOf(pid)).toBeNull();
    rmSync(path);
    expect(findingOf(pid)?.files).toMatchObject([{ path: at("lib\\xff.so"), verdict: "removed" }]);
  });

  test("the name is a link to the new file now", async () => {
    shop.library("libv1.so", 1);
    shop.library("libv2.so", 2);
    const pid = await shop.start(at("daemon"), [at("libv1.so")]);
    rmSync(at("libv1.so"));
    symlinkSync("libv2.so", at("libv1.so"));
    expect(verdicts(pid, shop.folder)).toEqual({ "libv1.so": "replaced" });
  });

  test("a fifo where the file was is not waited for", async () => {
    shop.library("libfifo.so", 1);
    const pid = await shop.start(at("daemon"), [at("libfifo.so")]);
    rmSync(at("libfifo.so"));
    execFileSync("mkfifo", [at("libfifo.so")]);
    const finding = findingOf(pid);
    expect(finding).toMatchObject({ verdict: "unknown", remedy: { automatic: false } });
  });

  test("a process whose first thread has exited", async () => {
    shop.library("libthread.so", 1);
    const pid = await shop.start(at("daemon"), [at("libthread.so"), "--leader-exits"]);
    upgrade("libthread.so", 2);
    expect(verdicts(pid, shop.folder)).toEqual({ "libthread.so": "replaced" });
  });

  test("a chroot: the path is the process's own, a file of the same name outside does not count", async () => {
    const jail = at("jail");
    mkdirSync(join(jail, "opt"), { recursive: true });
    copyRuntime(jail);
    copyFileSync(at("daemon"), join(jail, "opt/daemon"));
    shop.library("jail/opt/libjail.so", 1);
    const pid = await shop.start("chroot", [jail, "/opt/daemon", "/opt/libjail.so"]);
    expect(findingOf(pid)).toBeNull();
    upgrade("jail/opt/libjail.so", 2);
    expect(verdicts(pid, jail)).toEqual({ "opt/libjail.so": "replaced" });
  });

  test("a mount namespace of its own, which is no container", async () => {
    mkdirSync(at("private"));
    shop.library("libspare.so", 1);
    const script = `mount -t tmpfs none ${at("private")} && cp ${at("libspare.so")} ${at("private/lib.so")} && exec ${at("daemon")} ${at("private/lib.so")}`;
    const pid = await shop.start("unshare", ["--mount", "sh", "-c", script]);
    // Nothing is at that path outside.
    expect(findingOf(pid)).toBeNull();
    execFileSync("nsenter", [
      "-t",
      String(pid),
      "-m",
      "sh",
      "-c",
      `cp ${at("libone.so")} ${at("private/new")} && mv ${at("private/new")} ${at("private/lib.so")}`,
    ]);
    const finding = findingOf(pid);
    expect(finding).toMatchObject({ verdict: "replaced", owner: { kind: "application" } });
    expect(finding?.files).toMatchObject([{ path: at("private/lib.so") }]);
  });

  test("another PID namespace is a container, whatever its cgroup says", async () => {
    shop.library("libpid.so", 1);
    await shop.start("unshare", ["--pid", "--fork", "--kill-child", at("daemon"), at("libpid.so")]);
    upgrade("libpid.so", 2);
    const finding = scan().findings.find(({ files }) => files.some(({ path }) => path === at("libpid.so")));
    expect(finding).toMatchObject({ owner: { kind: "container" }, remedy: { kind: "none", automatic: false } });
  });

  test("the document: schema, sums, order, and the same ids again", () => {
    const first = scan();
    expect(schemaErrors(first)).toEqual([]);
    expect(parseScan(JSON.parse(JSON.stringify(first)))).toEqual(first);
    const { seen, scanned, vanished, unreadable } = first.processes;
    expect(scanned + vanished + unreadable).toBe(seen);
    const ours = ({ findings }: Scan) =>
      findings.filter(({ files }) => files.some(({ path }) => path.startsWith(shop.folder)));
    expect(ours(scan()).map(({ id }) => id)).toEqual(ours(first).map(({ id }) => id));
    expect(ours(first).length).toBeGreaterThan(8);
    // Nobody's service: there is nothing here that may be done automatically.
    const planned = new Set(planOf(first).steps.flatMap(({ findings }) => findings));
    expect(ours(first).filter(({ id }) => planned.has(id))).toEqual([]);
  });

  test("without root it says what it could not see", () => {
    const code = `import("@afterpatch/agent/host/scan").then(({ scanHost }) => console.log(JSON.stringify(scanHost({ hostId: null, name: "x", now: Date.now }))))`;
    const script = `process.setgroups([]); process.setgid(65534); process.setuid(65534); ${code}`;
    const found: Scan = parseScan(
      JSON.parse(
        execFileSync(process.execPath, ["-e", script], { encoding: "utf8", cwd: join(import.meta.dirname, "../..") }),
      ),
    );
    expect(found.processes.unreadable).toBeGreaterThan(0);
    expect(found.unreadable).toHaveLength(found.processes.unreadable);
    expect(found.unreadable[0]?.why).toContain("permission denied");
  });

  test.each(["invisible", "ptraceable"])("with hidepid=%s and without root nothing is called clean", (hidepid) => {
    const code = `import("@afterpatch/agent/host/scan").then(({ scanHost }) => console.log(JSON.stringify(scanHost({ hostId: null, name: "x", now: Date.now }))))`;
    const user = `process.setgroups([]); process.setgid(65534); process.setuid(65534); ${code}`;
    const script = 'mount -t proc -o "hidepid=$1" proc /proc && exec "$2" -e "$3"';
    const options = { encoding: "utf8", cwd: join(import.meta.dirname, "../..") } as const;
    const printed = execFileSync(
      "unshare",
      ["--mount", "sh", "-c", script, "sh", hidepid, process.execPath, user],
      options,
    );
    const found = parseScan(JSON.parse(printed));
    expect(found.unreadable).toEqual([
      { pid: 1, why: "/proc hides it and others from this user, and how many is not known (hidepid)" },
    ]);
    expect(found.processes).toMatchObject({ seen: 2, scanned: 1, unreadable: 1 });
    expect(renderScan(found, false)).toContain(
      "nothing was found that runs old code, but not everything could be seen",
    );
  });

  test("a root that may not be written to: it is scanned, and what cannot be kept is said", () => {
    const code = `import("@afterpatch/agent/host/scan").then(({ scanHost }) => console.log(JSON.stringify(scanHost({ hostId: null, name: "x", now: Date.now, inventory: "/var/lib/afterpatch-nobody/inventory" }))))`;
    const script = 'mount -o remount,bind,ro / && exec "$1" -e "$2"';
    const options = { encoding: "utf8", cwd: join(import.meta.dirname, "../..") } as const;
    const printed = execFileSync("unshare", ["--mount", "sh", "-c", script, "sh", process.execPath, code], options);
    const found = parseScan(JSON.parse(printed));
    expect(found.processes.scanned).toBeGreaterThan(1);
    expect(found.notes.filter((note) => note.startsWith("inventory:"))).toEqual([
      expect.stringMatching(/^inventory: .*(EROFS|ENOENT)/),
    ]);
  });
});
