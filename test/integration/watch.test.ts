import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, link, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@afterpatch/agent/clock";
import { changesOfHost } from "@afterpatch/agent/watch/host";
import { lookAt, withinReach } from "@afterpatch/agent/watch/places";
import { expect, onTestFinished, test } from "vitest";
import { canMount, mountThatNeverAnswers } from "./hanging-mounts.ts";

const patient = { timeout: 20_000, interval: 50 };
/** Changes of which the kernel does not tell are found after half an hour: these tests would notice. */
const BY_NOTICE = { packagesQuietMs: 100, applyQuietMs: 100, longestMs: 600_000, lookMs: 1_800_000 };

/** A folder with a database of packages, an agent's state directory, and what a watch makes of them. */
async function watching(timing = BY_NOTICE) {
  const root = await mkdtemp(join(tmpdir(), "afterpatch-watch-"));
  const folder = join(root, "dpkg");
  const state = join(root, "state");
  await mkdir(folder);
  await mkdir(state);
  await writeFile(join(folder, "status"), "Package: libssl3\n");
  const wake = join(root, "run/wake");
  await mkdir(join(root, "run"));
  const stop = new AbortController();
  onTestFinished(async () => {
    stop.abort();
    await rm(root, { recursive: true, force: true });
  });
  const warnings: object[] = [];
  const told: string[] = [];
  const log = {
    info: (_fields: object, message: string) => void told.push(message),
    warn: (fields: object) => void warnings.push(fields),
    error() {},
  };
  const seen: string[] = [];
  const changes = changesOfHost({
    ...{ clock: systemClock, log, signal: stop.signal, timing, wake },
    applyJournal: { folder: state, file: "apply.jsonl" },
    places: [{ folder, files: ["status"] }],
  });
  for (const one of changes) {
    void (async () => {
      while (!stop.signal.aborted) {
        await one.settled(stop.signal).then(
          () => seen.push(one.reason),
          () => undefined, // the test is over
        );
      }
    })();
  }
  /** As dpkg does it. */
  const upgrade = async (text: string) => {
    await writeFile(join(folder, "status-new"), text);
    await rename(join(folder, "status-new"), join(folder, "status"));
  };
  return { root, folder, state, wake, seen, told, warnings, upgrade };
}

test("a database that is replaced by rename is one change, however often; other files beside it are none", async () => {
  const { folder, seen, upgrade } = await watching();
  await writeFile(join(folder, "lock"), "");
  await writeFile(join(folder, "available"), "x");
  for (let version = 0; version < 100; version += 1) await upgrade(`Version: ${version}\n`);
  await expect.poll(() => seen, patient).toEqual(["package-change"]);
  await upgrade("Version: 101\n");
  await expect.poll(() => seen, patient).toEqual(["package-change", "package-change"]);
});

test("a file that a hook touches is a change, however often, and is told once", async () => {
  const { wake, seen, told, warnings } = await watching();
  for (let touch = 0; touch < 1000; touch += 1) await writeFile(wake, "");
  await expect.poll(() => seen, patient).toEqual(["package-change"]);
  expect(told).toEqual(["woken by a package manager's hook"]);
  expect(warnings).toEqual([]);
});

test.each<[string, (wake: string, root: string) => Promise<void>]>([
  ["a symbolic link", (wake, root) => symlink(join(root, "target"), wake)],
  ["a folder", (wake) => mkdir(wake).then(() => undefined)],
  ["a file with another name elsewhere", (wake, root) => link(join(root, "target"), wake)],
])("what a hook never makes wakes nobody, and that is said once: %s", async (_name, make) => {
  const { root, wake, seen, told, warnings, upgrade } = await watching();
  await writeFile(join(root, "target"), "");
  await make(wake, root);
  await expect.poll(() => warnings, patient).toEqual([{ file: wake }]);
  await utimes(wake, new Date(), new Date()); // the target's, where it is a link
  await upgrade("Version: 2\n"); // seen with the next look, as that would be
  await expect.poll(() => seen, patient).toEqual(["package-change"]);
  expect([told, warnings]).toEqual([[], [{ file: wake }]]);
});

test.runIf(process.geteuid?.() === 0)("nor does a file of another user wake anybody", async () => {
  const { root, wake, seen, told, warnings, upgrade } = await watching();
  await writeFile(join(root, "theirs"), "");
  await chown(join(root, "theirs"), 65534, 65534);
  await rename(join(root, "theirs"), wake);
  await expect.poll(() => warnings, patient).toEqual([{ file: wake }]);
  await upgrade("Version: 2\n");
  await expect.poll(() => seen, patient).toEqual(["package-change"]);
  expect(told).toEqual([]);
});

test("orders that are given on this host are seen in their journal", async () => {
  const { state, seen } = await watching();
  await writeFile(join(state, "journal.jsonl"), "{}\n");
  await writeFile(join(state, "apply.jsonl"), "{}\n");
  await expect.poll(() => seen, patient).toEqual(["after-apply"]);
});

test("a folder that is removed and made anew is watched again", async () => {
  const { folder, seen, upgrade } = await watching({ ...BY_NOTICE, lookMs: 8_000 });
  await rm(folder, { recursive: true });
  await expect.poll(() => seen.length, patient).toBe(1);
  await mkdir(folder);
  await upgrade("Version: 2\n"); // nobody tells of it: it is found by looking
  await expect.poll(() => seen.length, patient).toBe(2);
  await upgrade("Version: 3\n");
  await expect.poll(() => seen.length, { ...patient, timeout: 5_000 }).toBe(3);
});

test("where the kernel tells of nothing, changes are found by looking, and that is said once", async () => {
  // In a user namespace of its own a process has a limit of its own, see inotify(7) and namespaces(7).
  const script = `
    import { systemClock } from "@afterpatch/agent/clock";
    import { changesOfHost } from "@afterpatch/agent/watch/host";
    const { signal } = new AbortController();
    const log = { info() {}, error() {}, warn: (fields, message) => console.log(message, fields.code) };
    const [packages] = changesOfHost({
      clock: systemClock, log, signal, applyJournal: { folder: "/nowhere", file: "x" }, wake: "/nowhere/wake",
      places: [{ folder: process.argv[1], files: ["status"] }],
      timing: { packagesQuietMs: 100, applyQuietMs: 100, longestMs: 600000, lookMs: 5 },
    });
    const settled = packages.settled(signal);
    console.log("looking");
    await settled;
    console.log("changed");
  `;
  const { folder, upgrade } = await watching();
  const command = 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$0" "$@"';
  const node = [process.execPath, "--input-type=module", "-e", script, folder];
  const child = spawn("unshare", ["--user", "--map-root-user", "sh", "-c", command, ...node], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  let said = "";
  child.stdout.on("data", (text) => {
    said += text;
  });
  await expect.poll(() => said, patient).toContain("looking");
  await upgrade("Version: 2\n");
  expect(await ended).toEqual([0, null]);
  expect(said.trim().split("\n")).toEqual(["no notice of changes, looked at instead EMFILE", "looking", "changed"]);
});

test("what is not there, cannot be reached or was left by a reader is told apart from what is there, and never thrown", async () => {
  const { root, folder } = await watching();
  const places = [
    { folder, files: ["status", "empty", "missing", "empty.sqlite-wal", "x".repeat(300)] },
    { folder: join(folder, "status"), files: ["in-a-file"] },
    { folder: join(root, "nowhere"), files: null },
  ];
  await writeFile(join(folder, "empty"), ""); // as 'touch /run/reboot-required' makes it
  await writeFile(join(folder, "empty.sqlite-wal"), "");
  const states = lookAt(places).trim().split("\n");
  expect(states[0]).toMatch(/\/status [0-9]+ [0-9]+ 17 [0-9]+$/);
  expect(states[1]).toMatch(/\/empty [0-9]+ [0-9]+ 0 [0-9]+$/);
  expect(states.slice(2).map((line) => line.split(" ").at(-1))).toEqual([
    "none",
    "none",
    "ENAMETOOLONG",
    "none",
    "none",
  ]);
});

test.runIf(canMount)("a file system that never answers is not touched, and that is said once", async () => {
  const folder = await mountThatNeverAnswers();
  expect(withinReach([{ folder, files: null }])).toEqual([]);
  const { root, warnings, seen } = await watching();
  const log = { info() {}, warn: (fields: object) => void warnings.push(fields), error() {} };
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const [packages] = changesOfHost({
    ...{ clock: systemClock, log, signal: stop.signal, timing: { ...BY_NOTICE, lookMs: 50 } },
    applyJournal: { folder: root, file: "none" },
    wake: join(root, "none"),
    places: [
      { folder, files: ["status"] },
      { folder: join(root, "dpkg"), files: ["status"] },
    ],
  });
  const settled = packages?.settled(stop.signal);
  await writeFile(join(root, "dpkg", "status"), "Version: 2\n");
  await settled;
  await expect.poll(() => seen, patient).toEqual(["package-change"]);
  expect(warnings).toEqual([{ folder }]);
});
