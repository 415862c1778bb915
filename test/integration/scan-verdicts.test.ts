import { execFileSync, spawn } from "node:child_process";
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { scanHost } from "@afterpatch/agent/host/scan";
import type { Finding } from "@afterpatch/core/scan";
import { visible } from "@afterpatch/core/text";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWorkshop, type Workshop, whatIsMissing } from "./old-code.ts";

// The verdicts that need more than a renamed file: real mounts, links, and files that were written to in place.

const missing = whatIsMissing();
if (missing !== null && process.env.CI) test("what these tests need is here", () => expect(missing).toBeNull());

function findingOf(pid: number): Finding | null {
  const { findings } = scanHost({ hostId: null, name: "here", now: Date.now });
  return findings.find(({ process }) => process?.pid === pid) ?? null;
}

function hasTool(tool: string): boolean {
  try {
    execFileSync("sh", ["-c", 'command -v "$1"', "sh", tool], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(missing !== null)(`verdicts${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let shop: Workshop;
  let at: (path: string) => string;
  const mounted: string[] = [];

  beforeAll(() => {
    shop = openWorkshop();
    at = (path) => join(shop.folder, path);
    shop.program("daemon");
  });
  afterAll(async () => {
    await shop.end();
    for (const point of mounted.toReversed()) execFileSync("umount", ["-l", point]);
    await shop.close();
  });

  function mount(...args: readonly [...string[], string]): void {
    execFileSync("mount", args);
    mounted.push(args.at(-1) ?? "");
  }

  function verdicts(pid: number): Readonly<Record<string, string>> {
    const files = findingOf(pid)?.files ?? [];
    return Object.fromEntries(files.map(({ path, verdict }) => [path.replace(`${shop.folder}/`, ""), verdict]));
  }

  describe("written to in place", () => {
    async function mapped(name: string): Promise<number> {
      shop.library(name, 1);
      shop.library(`${name}.next`, 2, {
        more: "int other(int x) { return x + 1; } int (*const table[])(int) = {other};",
      });
      return shop.start(at("daemon"), [at(name)]);
    }

    test("cut to nothing and written again, as cp does", async () => {
      const pid = await mapped("libcopy.so");
      copyFileSync(at("libcopy.so.next"), at("libcopy.so"));
      expect(findingOf(pid)).toMatchObject({
        verdict: "modified-in-place",
        files: [{ path: at("libcopy.so"), kind: "library", verdict: "modified-in-place" }],
      });
    });

    test("written over without being cut, as rsync --inplace does", async () => {
      const pid = await mapped("libover.so");
      execFileSync("dd", [`if=${at("libover.so.next")}`, `of=${at("libover.so")}`, "conv=notrunc"], { stdio: "pipe" });
      expect(verdicts(pid)).toEqual({ "libover.so": "modified-in-place" });
    });

    test("written over with the time of modification put back", async () => {
      const pid = await mapped("libback.so");
      execFileSync("sh", [
        "-c",
        'touch -r "$1" "$1.time" && cp "$1.next" "$1" && touch -r "$1.time" "$1"',
        "sh",
        at("libback.so"),
      ]);
      expect(verdicts(pid)).toEqual({ "libback.so": "modified-in-place" });
    });

    test("cut to nothing, and nothing more", async () => {
      const pid = await mapped("libcut.so");
      execFileSync("truncate", ["--size=0", at("libcut.so")]);
      expect(findingOf(pid)).toMatchObject({ verdict: "modified-in-place" });
    });

    test("a process that started after it is not old", async () => {
      const old = await mapped("libboth.so");
      copyFileSync(at("libboth.so.next"), at("libboth.so"));
      const fresh = await shop.start(at("daemon"), [at("libboth.so")]);
      expect(findingOf(fresh)).toBeNull();
      expect(findingOf(old)).toMatchObject({ verdict: "modified-in-place" });
    });

    test.each([
      ["touched", (path: string) => execFileSync("touch", [path])],
      ["given other rights", (path: string) => execFileSync("chmod", ["700", path])],
      ["given another name as well", (path: string) => linkSync(path, `${path}.link`)],
      ["written over with the same bytes", (path: string) => writeFileSync(path, readFileSync(path), { flag: "r+" })],
    ])("%s: no finding", async (name, change) => {
      const library = `lib-${name.replaceAll(" ", "-")}.so`;
      const pid = await mapped(library);
      change(at(library));
      expect(findingOf(pid)).toBeNull();
    });
  });

  test("a program that maps part of itself once more elsewhere, as V8 does, is not one that was overwritten", async () => {
    execFileSync("cp", [process.execPath, at("node")]);
    const pid = await shop.start(at("node"), ["-e", "console.log('ready'); setInterval(() => 0, 1000)"]);
    execFileSync("chmod", ["700", at("node")]);
    expect(findingOf(pid)).toBeNull();
  });

  describe("its name leads elsewhere", () => {
    function release(folder: string, version: number): void {
      mkdirSync(at(`${folder}/lib`), { recursive: true });
      shop.library(`${folder}/lib/libapp.so`, version);
      shop.program(`${folder}/server`, version);
    }

    test("a folder was swapped", async () => {
      release("app", 1);
      const pid = await shop.start(at("app/server"), [at("app/lib/libapp.so")]);
      expect(findingOf(pid)).toBeNull();
      release("app.new", 2);
      renameSync(at("app"), at("app.old"));
      renameSync(at("app.new"), at("app"));
      expect(findingOf(pid)).toMatchObject({
        verdict: "replaced",
        files: [
          { path: at("app/lib/libapp.so"), kind: "library", verdict: "replaced" },
          { path: at("app/server"), kind: "executable", verdict: "replaced" },
        ],
      });
    });

    test("a link to the current release", async () => {
      release("releases/1", 1);
      symlinkSync("releases/1", at("current"));
      const pid = await shop.start(at("current/server"), [at("current/lib/libapp.so")]);
      expect(findingOf(pid)).toBeNull();
      release("releases/2", 2);
      execFileSync("ln", ["-sfn", "releases/2", at("current")]);
      expect(verdicts(pid)).toEqual({ "current/server": "replaced", "current/lib/libapp.so": "replaced" });
      // Whoever asked for that very release has it.
      const pinned = await shop.start(at("releases/1/server"), [at("releases/1/lib/libapp.so")]);
      expect(findingOf(pinned)).toBeNull();
    });

    test("the same release once more is not old", async () => {
      release("same/1", 1);
      execFileSync("cp", ["-r", at("same/1"), at("same/2")]);
      symlinkSync("1", at("same/now"));
      const pid = await shop.start(at("same/now/server"), [at("same/now/lib/libapp.so")]);
      execFileSync("ln", ["-sfn", "2", at("same/now")]);
      expect(findingOf(pid)).toBeNull();
    });

    test("a library was moved aside and a new one put in its place", async () => {
      shop.library("libaside.so", 1);
      const pid = await shop.start(at("daemon"), [at("libaside.so")]);
      renameSync(at("libaside.so"), at("libaside.so.bak"));
      expect(findingOf(pid)).toBeNull();
      shop.library("libaside.so", 2);
      expect(verdicts(pid)).toEqual({ "libaside.so": "replaced" });
    });

    test("a program in /usr/bin that a link chose (update-alternatives), and one that was started by its own name", async () => {
      const [link, chosen, other] = ["", "-1", "-2"].map((end) => `/usr/bin/afterpatch-test-${process.pid}${end}`) as [
        string,
        string,
        string,
      ]; // three of three
      try {
        copyFileSync(at("daemon"), chosen);
        shop.program("another", 2);
        copyFileSync(at("another"), other);
        symlinkSync(chosen, link);
        const byItsName = [await shop.start(chosen, []), await shop.start(chosen, [])];
        const pid = await shop.start(link, []);
        expect(findingOf(pid)).toBeNull();
        execFileSync("ln", ["-sfn", other, link]);
        expect(findingOf(pid)?.files).toMatchObject([{ path: link, kind: "executable", verdict: "replaced" }]);
        expect(byItsName.map(findingOf)).toEqual([null, null]);
      } finally {
        for (const path of [link, chosen, other]) rmSync(path, { force: true });
      }
    });

    test("a library beside the searched folder that a link in it chose", async () => {
      const folder = dirname(
        realpathSync(execFileSync("gcc", ["-print-file-name=libc.so.6"], { encoding: "utf8" }).trim()),
      );
      const [link, own] = [`${folder}/libafterpatch-test.so.3`, `${folder}/afterpatch-test-${process.pid}`];
      try {
        for (const [choice, version] of [
          ["a", 1],
          ["b", 2],
        ] as const) {
          mkdirSync(`${own}/${choice}`, { recursive: true });
          shop.library("libchoice.so", version);
          copyFileSync(at("libchoice.so"), `${own}/${choice}/libchoice.so.3.11.0`);
          symlinkSync("libchoice.so.3.11.0", `${own}/${choice}/libchoice.so.3`);
        }
        symlinkSync(`${own}/a/libchoice.so.3`, link);
        const pid = await shop.start(at("daemon"), [link]);
        expect(findingOf(pid)).toBeNull();
        execFileSync("ln", ["-sfn", `${own}/b/libchoice.so.3`, link]);
        expect(findingOf(pid)?.files).toMatchObject([{ path: link, kind: "library", verdict: "replaced" }]);
      } finally {
        for (const path of [link, own]) rmSync(path, { force: true, recursive: true });
      }
    });

    test("a script is not its interpreter", async () => {
      writeFileSync(at("script"), `#!${at("daemon")}\n`, { mode: 0o755 });
      shop.library("libscript.so", 1);
      writeFileSync(at("wrapper"), `#!/bin/sh\nexec ${at("daemon")} ${at("libscript.so")}\n`, { mode: 0o755 });
      expect(findingOf(await shop.start(at("wrapper"), []))).toBeNull();
    });
  });

  describe("mounts", () => {
    test("another file is mounted over it", async () => {
      shop.library("libshadow.so", 1);
      shop.library("libshade.so", 2);
      const pid = await shop.start(at("daemon"), [at("libshadow.so")]);
      mount("--bind", at("libshade.so"), at("libshadow.so"));
      expect(verdicts(pid)).toEqual({ "libshadow.so": "replaced" });
    });

    test("a file of a lower layer of overlayfs, which keeps its links", async () => {
      for (const folder of ["lower", "upper", "work", "merged"]) mkdirSync(at(folder));
      mount("-t", "tmpfs", "none", at("upper"));
      for (const folder of ["upper/u", "upper/w"]) mkdirSync(at(folder));
      shop.library("lower/liblayer.so", 1);
      mount(
        "-t",
        "overlay",
        "-o",
        `lowerdir=${at("lower")},upperdir=${at("upper/u")},workdir=${at("upper/w")}`,
        "none",
        at("merged"),
      );
      const pid = await shop.start(at("daemon"), [at("merged/liblayer.so")]);
      expect(findingOf(pid)).toBeNull();
      shop.library("merged/new", 2);
      renameSync(at("merged/new"), at("merged/liblayer.so"));
      expect(verdicts(pid)).toEqual({ "merged/liblayer.so": "replaced" });
    });

    test.skipIf(!hasTool("mkfs.btrfs") && !process.env.CI)(
      "a btrfs subvolume, whose device differs in maps",
      async () => {
        execFileSync("truncate", ["--size=160M", at("disk")]);
        execFileSync("mkfs.btrfs", ["-q", at("disk")]);
        mkdirSync(at("btrfs"));
        mount("-o", "loop", at("disk"), at("btrfs"));
        execFileSync("btrfs", ["subvolume", "create", at("btrfs/sub")], { stdio: "pipe" });
        shop.library("btrfs/sub/libsub.so", 1);
        const pid = await shop.start(at("daemon"), [at("btrfs/sub/libsub.so")]);
        expect(findingOf(pid)).toBeNull();
        shop.library("btrfs/sub/new", 2);
        renameSync(at("btrfs/sub/new"), at("btrfs/sub/libsub.so"));
        expect(verdicts(pid)).toEqual({ "btrfs/sub/libsub.so": "replaced" });
      },
    );

    test("a file system that was lazily unmounted is unknown, never removed", async () => {
      mkdirSync(at("lazy"));
      execFileSync("mount", ["-t", "tmpfs", "none", at("lazy")]);
      shop.library("lazy/liblazy.so", 1);
      const pid = await shop.start(at("daemon"), [at("lazy/liblazy.so")]);
      execFileSync("umount", ["-l", at("lazy")]);
      expect(findingOf(pid)).toMatchObject({ verdict: "unknown", remedy: { automatic: false } });
    });
  });

  test("blanks in the name", async () => {
    shop.library("lib a  b .so", 1);
    const pid = await shop.start(at("daemon"), [at("lib a  b .so")]);
    expect(findingOf(pid)).toBeNull();
    shop.library("new", 2);
    renameSync(at("new"), at("lib a  b .so"));
    expect(findingOf(pid)?.files).toMatchObject([{ path: visible(at("lib a  b .so")), verdict: "replaced" }]);
  });

  describe("what runs from a folder for temporary files", () => {
    test.each(["/tmp", "/run"])("%s: a program that was replaced, or removed, is found", async (folder) => {
      const program = `${folder}/afterpatch-test-${process.pid}`;
      try {
        copyFileSync(at("daemon"), program);
        const pid = await shop.start(program, []);
        expect(findingOf(pid)).toBeNull();
        shop.program("daemon-2", 2);
        copyFileSync(at("daemon-2"), `${program}.new`);
        renameSync(`${program}.new`, program);
        expect(findingOf(pid)?.files).toMatchObject([{ path: program, kind: "executable", verdict: "replaced" }]);
        rmSync(program);
        expect(findingOf(pid)?.files).toMatchObject([{ path: program, kind: "executable", verdict: "removed" }]);
      } finally {
        rmSync(program, { force: true });
      }
    });

    test("a library that a program unpacked there and removed is no finding", async () => {
      const library = `/tmp/afterpatch-test-${process.pid}.so`;
      shop.library("libunpacked.so", 1);
      copyFileSync(at("libunpacked.so"), library);
      const pid = await shop.start(at("daemon"), [library]);
      rmSync(library);
      expect(findingOf(pid)).toBeNull();
    });
  });

  test.each(["memfd", "tmpfile", "sysv", "zero", "jit"])("memory that is no program: %s", async (kind) => {
    const pid = await shop.start(at("daemon"), [`--map=${kind}`, at("")]);
    expect(findingOf(pid)).toBeNull();
  });

  test("a program that was started from a memfd is no finding", async () => {
    const pid = await shop.start(at("daemon"), ["--memfd-exec"]);
    expect(findingOf(pid)).toBeNull();
  });

  test("processes that come and go during the scan do no harm", () => {
    const churn = spawn("sh", ["-c", "while :; do /bin/true & /bin/true; done"], { stdio: "ignore" });
    try {
      for (let round = 0; round < 5; round++) {
        const { processes } = scanHost({ hostId: null, name: "here", now: Date.now });
        expect(processes.scanned + processes.vanished + processes.unreadable).toBe(processes.seen);
      }
    } finally {
      churn.kill("SIGKILL");
    }
  });

  test("without root map_files cannot be followed: the build-id in memory tells", async () => {
    execFileSync("chmod", ["755", shop.folder]);
    for (const name of ["libmine.so", "libsame.so"]) shop.library(name, 1);
    const own = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const pid = await shop.start("setpriv", [...own, at("daemon"), at("libmine.so"), at("libsame.so")]);
    shop.library("new", 2);
    renameSync(at("new"), at("libmine.so"));
    copyFileSync(at("libsame.so"), at("new"));
    renameSync(at("new"), at("libsame.so"));
    const code = `import("@afterpatch/agent/host/scan").then(({ scanHost }) => console.log(JSON.stringify(scanHost({ hostId: null, name: "x", now: Date.now }))))`;
    const cwd = join(import.meta.dirname, "../..");
    const printed = execFileSync("setpriv", [...own, process.execPath, "-e", code], { encoding: "utf8", cwd });
    const { findings } = JSON.parse(printed) as { findings: readonly Finding[] }; // scan.test.ts checks the document
    const finding = findings.find(({ process }) => process?.pid === pid);
    expect(finding?.files).toMatchObject([{ path: at("libmine.so"), verdict: "replaced" }]);
  });
});
