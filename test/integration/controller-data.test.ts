import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { controller, dataDirectories, expectOneLine, PORTS } from "./controller-process.ts";

// Data directories that a controller cannot use: spoiled, of another user, or on a disk that takes nothing. Each is one
// line with its exit code.

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const { folder, fresh, copyOf } = dataDirectories();

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
    "an issuing CA that is none",
    (data) => writeFileSync(join(data, "ca/issuing.pem"), "x"),
    5,
    /ca\/issuing\.pem: CA cannot be read: it holds no PEM certificate/,
  ],
  [
    "no issuing CA",
    (data) => rmSync(join(data, "ca/issuing.pem")),
    5,
    /ca\/issuing\.pem: CA cannot be read: it does not exist/,
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
      (data) => chownSync(join(data, "ca/issuing.pem"), 0, 0),
      /ca\/issuing\.pem: CA cannot be read: permission denied/,
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
      controller(["serve", "--data-dir", fresh(), ...PORTS], { uid: NOBODY }),
      5,
      /fresh: cannot be read: permission denied/,
    );
    const place = join(folder(), "by-nobody");
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
    const disk = join(folder(), `disk-${disks.length}`);
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
    cpSync(fresh(), join(disk, "data"), { recursive: true });
    spawnSync("dd", ["if=/dev/zero", `of=${join(disk, "ballast")}`, "bs=4k"]);
    expectOneLine(
      controller(["serve", "--data-dir", join(disk, "data"), ...PORTS]),
      5,
      /disk is full; free some space/,
    );
  });

  test("that is read-only", () => {
    const disk = diskOf("2m");
    cpSync(fresh(), join(disk, "data"), { recursive: true });
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
