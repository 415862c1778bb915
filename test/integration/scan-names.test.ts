import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { visible } from "@afterpatch/core/text";
import { describe, expect, test } from "vitest";
import { describeScans, findingOf } from "./scanned-workshop.ts";

// A file that is old because its name leads to another one: by links, folders that were swapped, and real mounts.

function hasTool(tool: string): boolean {
  try {
    execFileSync("sh", ["-c", 'command -v "$1"', "sh", tool], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describeScans("verdicts", ({ shop, at, mount, verdicts }) => {
  describe("its name leads elsewhere", () => {
    function release(folder: string, version: number): void {
      mkdirSync(at(`${folder}/lib`), { recursive: true });
      shop().library(`${folder}/lib/libapp.so`, version);
      shop().program(`${folder}/server`, version);
    }

    test("a folder was swapped", async () => {
      release("app", 1);
      const pid = await shop().start(at("app/server"), [at("app/lib/libapp.so")]);
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
      const pid = await shop().start(at("current/server"), [at("current/lib/libapp.so")]);
      expect(findingOf(pid)).toBeNull();
      release("releases/2", 2);
      execFileSync("ln", ["-sfn", "releases/2", at("current")]);
      expect(verdicts(pid)).toEqual({ "current/server": "replaced", "current/lib/libapp.so": "replaced" });
      // Whoever asked for that very release has it.
      const pinned = await shop().start(at("releases/1/server"), [at("releases/1/lib/libapp.so")]);
      expect(findingOf(pinned)).toBeNull();
    });

    test("the same release once more is not old", async () => {
      release("same/1", 1);
      execFileSync("cp", ["-r", at("same/1"), at("same/2")]);
      symlinkSync("1", at("same/now"));
      const pid = await shop().start(at("same/now/server"), [at("same/now/lib/libapp.so")]);
      execFileSync("ln", ["-sfn", "2", at("same/now")]);
      expect(findingOf(pid)).toBeNull();
    });

    test("a library was moved aside and a new one put in its place", async () => {
      shop().library("libaside.so", 1);
      const pid = await shop().start(at("daemon"), [at("libaside.so")]);
      renameSync(at("libaside.so"), at("libaside.so.bak"));
      expect(findingOf(pid)).toBeNull();
      shop().library("libaside.so", 2);
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
        shop().program("another", 2);
        copyFileSync(at("another"), other);
        symlinkSync(chosen, link);
        const byItsName = [await shop().start(chosen, []), await shop().start(chosen, [])];
        const pid = await shop().start(link, []);
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
          shop().library("libchoice.so", version);
          copyFileSync(at("libchoice.so"), `${own}/${choice}/libchoice.so.3.11.0`);
          symlinkSync("libchoice.so.3.11.0", `${own}/${choice}/libchoice.so.3`);
        }
        symlinkSync(`${own}/a/libchoice.so.3`, link);
        const pid = await shop().start(at("daemon"), [link]);
        expect(findingOf(pid)).toBeNull();
        execFileSync("ln", ["-sfn", `${own}/b/libchoice.so.3`, link]);
        expect(findingOf(pid)?.files).toMatchObject([{ path: link, kind: "library", verdict: "replaced" }]);
      } finally {
        for (const path of [link, own]) rmSync(path, { force: true, recursive: true });
      }
    });

    test("a script is not its interpreter", async () => {
      writeFileSync(at("script"), `#!${at("daemon")}\n`, { mode: 0o755 });
      shop().library("libscript.so", 1);
      writeFileSync(at("wrapper"), `#!/bin/sh\nexec ${at("daemon")} ${at("libscript.so")}\n`, { mode: 0o755 });
      expect(findingOf(await shop().start(at("wrapper"), []))).toBeNull();
    });
  });

  describe("mounts", () => {
    test("another file is mounted over it", async () => {
      shop().library("libshadow.so", 1);
      shop().library("libshade.so", 2);
      const pid = await shop().start(at("daemon"), [at("libshadow.so")]);
      mount("--bind", at("libshade.so"), at("libshadow.so"));
      expect(verdicts(pid)).toEqual({ "libshadow.so": "replaced" });
    });

    test("a file of a lower layer of overlayfs, which keeps its links", async () => {
      for (const folder of ["lower", "upper", "work", "merged"]) mkdirSync(at(folder));
      mount("-t", "tmpfs", "none", at("upper"));
      for (const folder of ["upper/u", "upper/w"]) mkdirSync(at(folder));
      shop().library("lower/liblayer.so", 1);
      mount(
        "-t",
        "overlay",
        "-o",
        `lowerdir=${at("lower")},upperdir=${at("upper/u")},workdir=${at("upper/w")}`,
        "none",
        at("merged"),
      );
      const pid = await shop().start(at("daemon"), [at("merged/liblayer.so")]);
      expect(findingOf(pid)).toBeNull();
      shop().library("merged/new", 2);
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
        shop().library("btrfs/sub/libsub.so", 1);
        const pid = await shop().start(at("daemon"), [at("btrfs/sub/libsub.so")]);
        expect(findingOf(pid)).toBeNull();
        shop().library("btrfs/sub/new", 2);
        renameSync(at("btrfs/sub/new"), at("btrfs/sub/libsub.so"));
        expect(verdicts(pid)).toEqual({ "btrfs/sub/libsub.so": "replaced" });
      },
    );

    test("a file system that was lazily unmounted is unknown, never removed", async () => {
      mkdirSync(at("lazy"));
      execFileSync("mount", ["-t", "tmpfs", "none", at("lazy")]);
      shop().library("lazy/liblazy.so", 1);
      const pid = await shop().start(at("daemon"), [at("lazy/liblazy.so")]);
      execFileSync("umount", ["-l", at("lazy")]);
      expect(findingOf(pid)).toMatchObject({ verdict: "unknown", remedy: { automatic: false } });
    });
  });

  test("blanks in the name", async () => {
    shop().library("lib a  b .so", 1);
    const pid = await shop().start(at("daemon"), [at("lib a  b .so")]);
    expect(findingOf(pid)).toBeNull();
    shop().library("new", 2);
    renameSync(at("new"), at("lib a  b .so"));
    expect(findingOf(pid)?.files).toMatchObject([{ path: visible(at("lib a  b .so")), verdict: "replaced" }]);
  });
});
