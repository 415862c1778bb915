import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { initialise } from "@afterpatch/controller/ca/init";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// What an administrator gets wrong around the controller: each is one line with its exit code, and nothing is left behind.

const ROOT = resolve(import.meta.dirname, "../..");
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

let folder: string;
let fresh: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "afterpatch-wrong-"));
  chmodSync(folder, 0o755);
  fresh = join(folder, "fresh");
  await initialise(fresh, { names: ["localhost"], port: 7443, enrolPort: 7444 }, Date.now());
});
afterAll(() => rmSync(folder, { recursive: true }));

function controller(args: readonly string[], { uid = 0, stdout = "" } = {}) {
  const words = [join(ROOT, "test/node.sh"), join(ROOT, "packages/controller/src/main.ts"), ...args];
  const shell = stdout === "" ? ["sh", ...words] : ["sh", "-c", `exec sh "$@" > ${stdout}`, "sh", ...words];
  const who = uid === 0 ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const [program = "", ...rest] = [...who, ...shell];
  return spawnSync(program, rest, { encoding: "utf8", timeout: 20_000, cwd: "/" });
}

function expectOneLine(ended: ReturnType<typeof controller>, code: number, message: RegExp): void {
  expect(ended.stderr).toMatch(message);
  expect(ended.stderr).toMatch(/^afterpatch-controller: [^\n]+: [^\n]+; [^\n]+\n$/);
  expect(ended.stderr.length).toBeLessThan(600);
  expect([ended.status, ended.stdout]).toEqual([code, ""]);
}

const PORTS = ["--port", "0", "--enrol-port", "0", "--http-port", "0"];
let copies = 0;
function copyOf(owner = 0): string {
  const copy = join(folder, `copy-${++copies}`);
  cpSync(fresh, copy, { recursive: true });
  if (owner !== 0)
    for (const name of ["", ...readdirSync(copy, { recursive: true, encoding: "utf8" })])
      chownSync(join(copy, name), owner, owner);
  return copy;
}

test.each<[string, readonly string[], RegExp]>([
  [
    "one name twice",
    ["init", "--data-dir", "D", "--name", "a", "--name", "A"],
    /--name: 'A' is given twice; give each name once/,
  ],
  ["a wildcard name", ["init", "--data-dir", "D", "--name", "*.example.net"], /'\*\.example\.net' is not a DNS name/],
  ["half an address", ["init", "--data-dir", "D", "--name", "1.2.3"], /'1\.2\.3' is not a DNS name/],
  ["a negative port", ["init", "--data-dir", "D", "--name", "a", "--port=-1"], /--port: '-1' is no whole number/],
  ["a huge port", ["init", "--data-dir", "D", "--name", "a", "--port", "99999999999999999999"], /is no whole number/],
  ["a port in hexadecimal", ["init", "--data-dir", "D", "--name", "a", "--port", "0x1d13"], /is no whole number/],
  [
    "an option twice",
    ["init", "--data-dir", "D", "--data-dir", "D", "--name", "a"],
    /--data-dir: is given more than once/,
  ],
  ["two commands", ["init", "serve", "--data-dir", "D", "--name", "a"], /Unknown argument: serve/],
  [
    "a place that makes no files",
    ["init", "--data-dir", "/proc/x", "--name", "a"],
    /\/proc: no directory can be made in it: /,
  ],
  [
    "a file for a parent",
    ["init", "--data-dir", "/dev/null/x", "--name", "a"],
    /\/dev\/null\/x: cannot be read: a part of the path is not a directory/,
  ],
  [
    "an unknown flag of serve, which is camel case too",
    ["serve", "--data-dir", "D", "--no-such"],
    /Unknown argument: no-such;/,
  ],
  [
    "one port for two",
    ["serve", "--data-dir", "F", "--port", "7000", "--enrol-port", "7000"],
    /--enrol-port: 7000 is the fleet port too; give two different ports/,
  ],
  [
    "the fleet port for HTTP",
    ["serve", "--data-dir", "F", "--port", "7480"],
    /--http-port: 7480 is the fleet port too/,
  ],
  [
    "the enrol port of init for HTTP",
    ["serve", "--data-dir", "F", "--http-port", "7444"],
    /--http-port: 7444 is the enrol port too/,
  ],
  [
    "an address with a port",
    ["serve", "--data-dir", "F", "--listen", "127.0.0.1:7443"],
    /--listen: '127\.0\.0\.1:7443' is no address; give the address alone, and the port with --port/,
  ],
  [
    "half an address to listen on",
    ["serve", "--data-dir", "F", "--listen", "300.1.1.1"],
    /--listen: '300\.1\.1\.1' is no address; give one of this machine/,
  ],
  [
    "somebody else's address",
    ["serve", "--data-dir", "F", ...PORTS, "--listen", "203.0.113.1"],
    /--listen 203\.0\.113\.1: not an address of this machine/,
  ],
  [
    "a name without an address",
    ["serve", "--data-dir", "F", ...PORTS, "--listen", "nosuch.invalid"],
    /--listen nosuch\.invalid: this name has no address/,
  ],
  [
    "a directory that is none",
    ["serve", "--data-dir", "F/controller.db", ...PORTS],
    /controller\.db: cannot be read: a part of the path is not a directory/,
  ],
])("%s", (_name, args, message) => {
  const missing = join(folder, "missing");
  expectOneLine(controller(args.map((word) => word.replace(/^D$/, missing).replace(/^F(?=$|\/)/, fresh))), 5, message);
  expect(existsSync(missing)).toBe(false);
  expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
});

test.each<[string, (data: string) => void, number, RegExp]>([
  [
    "a store that is a directory",
    (data) => {
      rmSync(join(data, "controller.db"));
      mkdirSync(join(data, "controller.db"));
    },
    5,
    /controller\.db: store cannot be opened: it is a directory/,
  ],
  [
    "a root certificate that is none",
    (data) => writeFileSync(join(data, "ca/root.crt"), "x"),
    5,
    /ca\/root\.crt: CA cannot be read: it holds no PEM certificate/,
  ],
  [
    "a root key that is none",
    (data) => writeFileSync(join(data, "ca/root.key"), "x"),
    5,
    /ca\/root\.key: CA cannot be read: it holds no PEM private key/,
  ],
  [
    "no root key",
    (data) => rmSync(join(data, "ca/root.key")),
    5,
    /ca\/root\.key: CA cannot be read: it does not exist/,
  ],
  ["a file in place of run", (data) => writeFileSync(join(data, "run"), ""), 5, /\/run: cannot be written: /],
  [
    "a directory in place of ports.json",
    (data) => mkdirSync(join(data, "run/ports.json/x"), { recursive: true }),
    5,
    /ports\.json: cannot be written: it is a directory/,
  ],
  [
    "settings that are no JSON",
    (data) => edited(data, "UPDATE meta SET value = '{' WHERE key = 'settings'"),
    1,
    /settings are not readable; restore it from a backup/,
  ],
  [
    "a rollout that is no JSON",
    (data) => edited(data, "INSERT INTO rollouts VALUES ('r1', 'q1', 1, '{', 'open')"),
    1,
    /rollout r1 is not readable; restore it from a backup/,
  ],
  [
    "an event that is no JSON",
    (data) =>
      edited(
        data,
        `INSERT INTO rollouts VALUES ('r1', 'q1', 1, '{}', 'open'); INSERT INTO rollout_events VALUES ('r1', 1, 1, '{')`,
      ),
    1,
    /rollout r1 is not readable; restore it from a backup/,
  ],
  [
    "a table that is gone",
    (data) => edited(data, "PRAGMA foreign_keys=OFF; DROP TABLE rollout_events"),
    1,
    /store is corrupt: it has no table rollout_events; restore it from a backup/,
  ],
])("%s: serve says so and ends", (_name, spoil, code, message) => {
  const data = copyOf();
  spoil(data);
  expectOneLine(controller(["serve", "--data-dir", data, ...PORTS]), code, message);
});

function edited(data: string, sql: string): void {
  using db = new DatabaseSync(join(data, "controller.db"));
  db.exec(sql);
}

describe.skipIf(!isRoot)("as another user", () => {
  test.each<[string, (data: string) => void, RegExp]>([
    [
      "a store that may only be read",
      (data) => chmodSync(join(data, "controller.db"), 0o400),
      /controller\.db: store cannot be opened: permission denied; check owner and mode/,
    ],
    [
      "a data directory that may only be read",
      (data) => chmodSync(data, 0o500),
      /controller\.db: store cannot be opened: permission denied; check owner and mode/,
    ],
    [
      "a CA of another user",
      (data) => chownSync(join(data, "ca/root.key"), 0, 0),
      /ca\/root\.key: CA cannot be read: permission denied/,
    ],
    [
      "a CA directory that may only be read, and no certificate",
      (data) => {
        rmSync(join(data, "ca/server.pem"));
        chmodSync(join(data, "ca"), 0o500);
      },
      /ca\/server\.pem: cannot be written: permission denied/,
    ],
  ])("%s", (_name, spoil, message) => {
    const data = copyOf(NOBODY);
    spoil(data);
    expectOneLine(controller(["serve", "--data-dir", data, ...PORTS], { uid: NOBODY }), 5, message);
  });

  test("ports that need a privilege, all three", () => {
    const data = copyOf(NOBODY);
    for (const option of ["--port", "--enrol-port", "--http-port"]) {
      const ports = PORTS.map((word, index) => (PORTS[index - 1] === option ? "80" : word));
      const ended = controller(["serve", "--data-dir", data, ...ports], { uid: NOBODY });
      expectOneLine(
        ended,
        5,
        new RegExp(
          `port 80 on .*: permission denied: ports below 1024 need a privilege; give one above with ${option}\n$`,
        ),
      );
    }
  });

  test("data of another user, and a place where nothing may be made", () => {
    expectOneLine(
      controller(["serve", "--data-dir", fresh, ...PORTS], { uid: NOBODY }),
      5,
      /fresh: cannot be read: permission denied/,
    );
    const place = join(folder, "by-nobody");
    expectOneLine(
      controller(["init", "--data-dir", place, "--name", "a"], { uid: NOBODY }),
      5,
      /cannot be written: permission denied/,
    );
    expect(existsSync(place)).toBe(false);
  });
});

describe.skipIf(!isRoot)("on a disk of its own", () => {
  const disks: string[] = [];
  const diskOf = (size: string) => {
    const disk = join(folder, `disk-${disks.length}`);
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", disk]);
    disks.push(disk);
    return disk;
  };
  afterAll(() => {
    for (const disk of disks) execFileSync("umount", [disk]);
  });

  test.each(["4k", "8k", "16k", "64k"])("of %s, which is too small, init leaves nothing", (size) => {
    const disk = diskOf(size);
    expectOneLine(
      controller(["init", "--data-dir", join(disk, "data"), "--name", "a"]),
      5,
      /disk is full; free some space/,
    );
    expect(readdirSync(disk)).toEqual([]);
  });

  test("that is full serve does not start", () => {
    const disk = diskOf("2m");
    cpSync(fresh, join(disk, "data"), { recursive: true });
    spawnSync("dd", ["if=/dev/zero", `of=${join(disk, "ballast")}`, "bs=4k"]);
    expectOneLine(
      controller(["serve", "--data-dir", join(disk, "data"), ...PORTS]),
      5,
      /disk is full; free some space/,
    );
  });

  test("that is read-only", () => {
    const disk = diskOf("2m");
    cpSync(fresh, join(disk, "data"), { recursive: true });
    execFileSync("mount", ["-o", "remount,ro", disk]);
    expectOneLine(
      controller(["serve", "--data-dir", join(disk, "data"), ...PORTS]),
      5,
      /store cannot be opened: the file system is read-only/,
    );
    expectOneLine(
      controller(["init", "--data-dir", join(disk, "new"), "--name", "a"]),
      5,
      /cannot be written: the file system is read-only/,
    );
  });
});

test("what could not be printed is no success", () => {
  for (const args of [["--help"], ["--version"], ["init", "--data-dir", join(folder, "unheard"), "--name", "a"]]) {
    const { status, stderr } = controller(args, { stdout: "/dev/full" });
    expect([args[0], status]).toEqual([args[0], 1]);
    expect(stderr).toMatch(/^afterpatch-controller: standard output: ENOSPC[^\n]+; see to the disk or the pipe/);
  }
});
