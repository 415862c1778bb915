import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, copyFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scanHost } from "@afterpatch/agent/host/scan";
import type { Finding } from "@afterpatch/core/scan";
import { describe, expect, test } from "vitest";
import { describeScans, findingOf } from "./scanned-workshop.ts";

// Files that were written to in place, what is no program, and what the one that looks cannot see.

describeScans("verdicts", ({ shop, at, verdicts }) => {
  describe("written to in place", () => {
    async function mapped(name: string): Promise<number> {
      shop().library(name, 1);
      shop().library(`${name}.next`, 2, {
        more: "int other(int x) { return x + 1; } int (*const table[])(int) = {other};",
      });
      return shop().start(at("daemon"), [at(name)]);
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
      const fresh = await shop().start(at("daemon"), [at("libboth.so")]);
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
    const pid = await shop().start(at("node"), ["-e", "console.log('ready'); setInterval(() => 0, 1000)"]);
    execFileSync("chmod", ["700", at("node")]);
    expect(findingOf(pid)).toBeNull();
  });

  describe("what runs from a folder for temporary files", () => {
    test.each(["/tmp", "/run"])("%s: a program that was replaced, or removed, is found", async (folder) => {
      const program = `${folder}/afterpatch-test-${process.pid}`;
      try {
        copyFileSync(at("daemon"), program);
        const pid = await shop().start(program, []);
        expect(findingOf(pid)).toBeNull();
        shop().program("daemon-2", 2);
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
      shop().library("libunpacked.so", 1);
      copyFileSync(at("libunpacked.so"), library);
      const pid = await shop().start(at("daemon"), [library]);
      rmSync(library);
      expect(findingOf(pid)).toBeNull();
    });
  });

  describe("a program that carries another one behind its own end, as single executables do", () => {
    async function carrying(name: string, payload: string): Promise<number> {
      copyFileSync(at("daemon"), at(name));
      appendFileSync(at(name), payload.repeat(5_000));
      return await shop().start(at(name), []);
    }

    test("another payload is other code, whatever the build-id says", async () => {
      const pid = await carrying("single", "1");
      copyFileSync(at("daemon"), at("single.next"));
      appendFileSync(at("single.next"), "2".repeat(5_000));
      renameSync(at("single.next"), at("single"));
      expect(verdicts(pid)).toEqual({ single: "replaced" });
    });

    test("the same bytes once more are nothing old", async () => {
      const pid = await carrying("again", "1");
      copyFileSync(at("again"), at("again.next"));
      renameSync(at("again.next"), at("again"));
      expect(findingOf(pid)).toBeNull();
    });
  });

  test.each(["memfd", "tmpfile", "sysv", "zero", "jit"])("memory that is no program: %s", async (kind) => {
    const pid = await shop().start(at("daemon"), [`--map=${kind}`, at("")]);
    expect(findingOf(pid)).toBeNull();
  });

  test("a program that was started from a memfd is no finding", async () => {
    const pid = await shop().start(at("daemon"), ["--memfd-exec"]);
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
    execFileSync("chmod", ["755", shop().folder]);
    for (const name of ["libmine.so", "libsame.so"]) shop().library(name, 1);
    const own = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const pid = await shop().start("setpriv", [...own, at("daemon"), at("libmine.so"), at("libsame.so")]);
    shop().library("new", 2);
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
