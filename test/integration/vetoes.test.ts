import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { denied } from "@afterpatch/agent/vetoes/deny";
import { inhibitor } from "@afterpatch/agent/vetoes/inhibitors";
import { loginsOf, loginsOfUtmp } from "@afterpatch/agent/vetoes/logins";
import { type Marks, transaction as transactionAt } from "@afterpatch/agent/vetoes/transaction";
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";

// What holds a host off, in real files.

const root = mkdtempSync(join(tmpdir(), "afterpatch-vetoes-"));
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
});
afterAll(() => rmSync(root, { recursive: true }));

describe("a deny file", () => {
  test.each<[string, (path: string) => unknown, string | null]>([
    ["that is not there", () => {}, null],
    ["with nothing in it", (path) => writeFileSync(path, ""), "PATH exists"],
    ["with a reason", (path) => writeFileSync(path, "  moving racks  \nmore"), "PATH exists: moving racks"],
    ["with a long one", (path) => writeFileSync(path, "x".repeat(9000)), `PATH exists: ${"x".repeat(200)}...`],
    ["that is a directory", (path) => mkdirSync(path), "PATH exists"],
    [
      "that is a link to nowhere",
      (path) => symlinkSync("nowhere", path),
      "PATH exists or cannot be looked at (ELOOP), and while it exists nothing is done",
    ],
  ])("%s", (_name, make, expected) => {
    const path = join(folder, "deny");
    make(path);
    expect(denied(path)).toBe(expected?.replace("PATH", path) ?? null);
  });

  test("in a folder that is not there denies nothing", () => expect(denied(join(folder, "none/deny"))).toBeNull());
  test("that is a FIFO denies without waiting", async () => {
    const path = join(folder, "deny");
    await once(spawn("mkfifo", [path]), "exit");
    expect(denied(path)).toBe(`${path} exists`);
  });
});

describe("a transaction of packages", () => {
  function marks(): Marks {
    return {
      dpkg: join(folder, "dpkg"),
      pidFiles: [[join(folder, "yum.pid"), /^(?:yum|sleep)/]],
      present: [join(folder, "db.lck")],
      locks: [join(folder, "lock")],
    };
  }
  const transaction = (of: Marks, now = Date.now()) => transactionAt(now, of);
  function status(...states: readonly string[]): void {
    mkdirSync(join(folder, "dpkg/updates"), { recursive: true });
    writeFileSync(
      join(folder, "dpkg/status"),
      states.map((state, index) => `Package: p${index}\nStatus: ${state}\nVersion: 1\n\n`).join(""),
    );
  }

  test("is none on a host without package managers, or at rest", () => {
    expect(transaction(marks())).toBeNull();
    status("install ok installed", "deinstall ok config-files", "hold ok installed", "install ok triggers-pending");
    expect(transaction(marks())).toBeNull();
  });
  test.each(["half-installed", "unpacked", "half-configured"])("shows in a package that is %s", (state) => {
    status("install ok installed", `install ok ${state}`);
    const why = state === "half-installed" ? "its files may be of two" : "it was unpacked less than an hour ago";
    expect(transaction(marks())).toContain(`package p1 is ${state}; see dpkg --audit (${why}`);
  });
  test("ends an hour after the files were unpacked, five minutes after dpkg was at work; a lock shows before", async () => {
    status("install ok installed", "install ok half-configured");
    mkdirSync(join(folder, "dpkg/info"));
    const at = (path: string, minutesAgo: number) => {
      const seconds = Date.now() / 1000 - minutesAgo * 60;
      writeFileSync(join(folder, path), "", { flag: "a" });
      utimesSync(join(folder, path), seconds, seconds);
    };
    at("dpkg/info/p1.list", 59);
    at("dpkg/status", 59);
    expect(transaction(marks())).toMatch(/^package p1 is half-configured; .*unpacked less than an hour ago/);
    at("dpkg/info/p1.list", 61);
    expect(transaction(marks())).toBeNull();
    at("dpkg/status", 1);
    expect(transaction(marks())).toMatch(/^package p1 is half-configured; .*dpkg was at work less than 5 minutes ago/);
    at("dpkg/status", 6);
    expect(transaction(marks())).toBeNull();
    writeFileSync(join(folder, "dpkg/updates/0000"), "");
    expect(transaction(marks())).toMatch(/^dpkg is in the middle of a transaction/);
    writeFileSync(join(folder, "db.lck"), "");
    expect(transaction(marks())).toMatch(/^.*db\.lck is there/);
  });
  test("cannot be told where the status cannot be read", () => {
    mkdirSync(join(folder, "dpkg/status"), { recursive: true });
    expect(() => transaction(marks())).toThrow(/dpkg\/status: not a regular file/);
  });
  test("shows in dpkg's updates", () => {
    status("install ok installed");
    writeFileSync(join(folder, "dpkg/updates/tmp.i"), "");
    expect(transaction(marks())).toBeNull();
    writeFileSync(join(folder, "dpkg/updates/0000"), "");
    expect(transaction(marks())).toMatch(/^dpkg is in the middle of a transaction/);
  });
  test("shows in a pid file while its process lives, and no longer", async () => {
    const sleeper = spawn("sleep", ["60"]);
    await once(sleeper, "spawn");
    writeFileSync(join(folder, "yum.pid"), `${sleeper.pid}\n`);
    await expect.poll(() => transaction(marks())).toBe(`sleep (pid ${sleeper.pid}) is at work, says ${folder}/yum.pid`);
    sleeper.kill();
    await once(sleeper, "exit");
    expect(transaction(marks())).toBeNull();
    writeFileSync(join(folder, "yum.pid"), `${process.pid}\n`);
    expect(transaction(marks())).toBeNull();
  });
  test("shows in a lock", async () => {
    writeFileSync(join(folder, "lock"), "");
    const holder = spawn("flock", [join(folder, "lock"), "sh", "-c", "echo held; read line"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    onTestFinished(() => void holder.stdin.end());
    await once(holder.stdout, "data");
    expect(transaction(marks())).toBe(`flock (pid ${holder.pid}) holds ${folder}/lock`);
  });
  test("shows in pacman's file", () => {
    writeFileSync(join(folder, "db.lck"), "");
    expect(transaction(marks())).toBe(`${folder}/db.lck is there: a transaction of packages goes on, or was cut off`);
  });
});

describe("an inhibitor", () => {
  const lock = (name: string, text: string) => writeFileSync(join(folder, name), text);
  test("is none without logind, or without locks", () => {
    expect(inhibitor(join(folder, "none"))).toBeNull();
    expect(inhibitor(folder)).toBeNull();
  });
  test.each<[string, string, string | null]>([
    // As systemd 252 wrote it for: systemd-inhibit --what=shutdown:sleep --who='the backup' --why='nightly\nrun', with a newline in it
    [
      "that blocks",
      "# This is private data. Do not parse.\nWHAT=shutdown:sleep\nMODE=block\nUID=0\nPID=112\nWHO=the backup\nWHY=nightly\\nrun\nFIFO=/run/systemd/inhibit/1.ref\n",
      "the backup (pid 112) holds off shutdown and sleep: nightly\\nrun",
    ],
    [
      "in newer versions' quotes",
      'WHAT=shutdown\nMODE=block\nPID=77\nWHO="the \\"backup\\""\nWHY="for \\$HOME"\n',
      'the "backup" (pid 77) holds off shutdown: for $HOME',
    ],
    ["that only delays", "WHAT=shutdown\nMODE=delay\nPID=7\nWHO=NetworkManager\nWHY=x\n", null],
    ["of a key on the keyboard", "WHAT=handle-lid-switch:idle\nMODE=block\nPID=7\nWHO=gnome\nWHY=x\n", null],
    ["without a name", "WHAT=sleep\nMODE=block\n", "a program holds off sleep"],
    [
      "with a long reason",
      `WHAT=sleep\nMODE=block\nWHO=x\nWHY=${"y".repeat(500)}\n`,
      `x holds off sleep: ${"y".repeat(100)}...`,
    ],
  ])("%s", (_name, text, expected) => {
    lock("1", text);
    lock("1.ref", "WHAT=shutdown\nMODE=block\nWHO=the FIFO\n");
    expect(inhibitor(folder)).toBe(expected);
  });
  test("that cannot be read counts", () => {
    mkdirSync(join(folder, "1"));
    expect(inhibitor(folder)).toBe(`${folder}/1 cannot be read (EISDIR)`);
  });
  test("ends with its lock", () => {
    lock("3", "WHAT=shutdown\nMODE=block\nWHO=x\nWHY=y\n");
    expect(inhibitor(folder)).toBe("x holds off shutdown: y");
    unlinkSync(join(folder, "3"));
    expect(inhibitor(folder)).toBeNull();
  });
});

describe("users logged in", () => {
  const session = (values: Readonly<Record<string, string>>) =>
    Object.entries({
      Id: "3",
      Name: "alice",
      TTY: "pts/0",
      RemoteHost: "192.0.2.7",
      Class: "user",
      State: "active",
      ...values,
    })
      .map((entry) => entry.join("="))
      .join("\n");
  test.each<[string, Readonly<Record<string, string>>, readonly object[]]>([
    ["from afar", {}, [{ user: "alice", place: "pts/0 from 192.0.2.7" }]],
    ["at the machine", { TTY: "tty1", RemoteHost: "" }, [{ user: "alice", place: "tty1" }]],
    ["without a terminal", { TTY: "", RemoteHost: "" }, [{ user: "alice", place: "session 3" }]],
    ["who are idle", { State: "online" }, [{ user: "alice", place: "pts/0 from 192.0.2.7" }]],
    ["early", { Class: "user-early" }, [{ user: "alice", place: "pts/0 from 192.0.2.7" }]],
    ["no more", { State: "closing" }, []],
    ["at the greeter", { Class: "greeter", Name: "gdm" }, []],
    ["by their manager alone", { Class: "manager" }, []],
    ["by cron", { Class: "background" }, []],
  ])("%s", (_name, values, expected) => expect(loginsOf(`${session(values)}\n`)).toEqual(expected));
  test("several", () => {
    expect(loginsOf(`${session({})}\n\n${session({ Id: "4", Name: "bob" })}\n`).map(({ user }) => user)).toEqual([
      "alice",
      "bob",
    ]);
    expect(loginsOf("")).toEqual([]);
  });

  test("in utmp, but for the dead, for what is no login, and for this terminal", () => {
    const record = (type: number, pid: number, line: string, user: string, host = "") => {
      const bytes = Buffer.alloc(384);
      bytes.writeInt16LE(type, 0);
      bytes.writeInt32LE(pid, 4);
      bytes.write(line, 8);
      bytes.write(user, 44);
      bytes.write(host, 76);
      return bytes;
    };
    const bytes = Buffer.concat([
      record(2, 0, "~", "reboot"),
      record(7, 10, "pts/0", "alice", "192.0.2.7"),
      record(7, 11, "tty1", "bob"),
      record(7, 12, "pts/1", "gone"),
      record(7, 13, "pts/2", "own"),
      record(8, 14, "pts/3", "dead"),
      Buffer.alloc(100),
    ]);
    expect(loginsOfUtmp(bytes, (pid) => pid !== 12, "pts/2")).toEqual([
      { user: "alice", place: "pts/0 from 192.0.2.7" },
      { user: "bob", place: "tty1" },
    ]);
  });
});
