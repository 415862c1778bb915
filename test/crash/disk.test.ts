import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { encodeLine } from "@afterpatch/agent/journal/lines";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Payload } from "../e2e/payload.ts";
import { describeLab } from "../lab/describe.ts";
import { exec, execOk, signalInside, spawnInside } from "../lab/host.ts";
import { down, hostOf, up } from "../lab/lab.ts";
import { Site, UNITS } from "./site.ts";
import { stageCrash } from "./stage.ts";

const name = `disk-${process.pid % 1000}`;
const AGENT = "/opt/afterpatch/bin/afterpatch-agent";
const EPOCH = encodeLine({ type: "epoch", epoch: 1 });

await describeLab("a journal that cannot be written or read", () => {
  let payload: Payload;
  let site: Site;
  let tests = 0;
  /** A state directory of each test's own: what one leaves mounted is in no other's way. */
  let state: string;
  let journal: string;

  beforeAll(async () => {
    payload = await stageCrash();
    const lab = await up({ name, hosts: 1, payload: payload.directory });
    site = await Site.prepare(hostOf(lab, 1), payload.directory);
  });
  afterAll(async () => {
    site?.close();
    await down(name);
    await payload?.remove();
  });

  beforeEach(async () => {
    state = `/var/lib/crash/disk-${++tests}`;
    journal = `${state}/apply.jsonl`;
    await mkdir(site.path(state), { recursive: true });
  });

  const shell = (script: string) => execOk(site.host, ["sh", "-euc", script]);
  const apply = () => {
    const times = ["--settle", "0s", "--grace", "1s", "--state-dir", state];
    return exec(site.host, [AGENT, "apply", "--yes", "-o", "json", ...times]);
  };

  /** Applies on a host that runs old code, once as it is and once mended; every unit is restarted once. */
  async function stopsAndGoesOn(mend: () => Promise<unknown>, why: RegExp): Promise<void> {
    const before = (await site.starts()).length;
    const old = await site.openSessions("quick");
    await site.replaceProgram();
    const { code, stdout, stderr } = await apply();
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(why) });
    // Progress first, where something was done; then one line.
    expect(stderr.split("\n").filter((line) => line.startsWith("afterpatch-agent: "))).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({ schema: "afterpatch.error/v1", error: { exitCode: 1 } });
    await mend();
    const mended = await apply();
    expect({ code: mended.code, stderr: mended.stderr }).toMatchObject({ code: 0 });
    const starts = (await site.starts()).slice(before).map(({ unit }) => unit);
    expect(starts.toSorted()).toEqual(UNITS.toSorted());
    expect((await site.told()).filter(({ pid }) => old.includes(pid))).toHaveLength(1);
  }

  test.each([
    ["has no room at all", 0],
    ["fills up after the first record", 900],
    ["fills up in the middle", 2000],
  ])("a disk that %s", async (_name, roomBytes) => {
    // A tmpfs of two pages, one of them taken: the journal may fill the page that it has begun.
    await shell(`mount -t tmpfs -o size=8k tmpfs ${state}; head -c 4096 /dev/zero >${state}/other`);
    await writeFile(
      site.path(journal),
      Buffer.concat(Array(Math.floor((4096 - roomBytes) / EPOCH.length)).fill(EPOCH)),
    );
    await stopsAndGoesOn(() => shell(`rm ${state}/other; mount -o remount,size=1m ${state}`), /the disk is full/);
    await shell(`umount ${state}`);
  });

  test("a state directory that is read-only", async () => {
    await shell(`mount --bind -o ro ${state} ${state}`);
    await stopsAndGoesOn(() => shell(`umount ${state}`), /the file system is read-only/);
  });

  test.each<[string, string, RegExp]>([
    ["a directory", "mkdir", /it is a directory/],
    ["a link", "ln -s /var/lib/crash/elsewhere", /symbolic link/],
    ["a FIFO that nobody writes to", "mkfifo", /it is no regular file/],
  ])("a journal that is %s", async (_name, make, why) => {
    await shell(`${make} ${journal}`);
    await stopsAndGoesOn(() => shell(`rm -r ${journal}`), why);
    await shell("test ! -e /var/lib/crash/elsewhere");
  });

  test.each<[string, Buffer, RegExp]>([
    [
      "corrupt in the middle",
      Buffer.concat([EPOCH, Buffer.from(EPOCH).fill(88, 20, 22), EPOCH]),
      /is corrupt in line 2/,
    ],
    ["of a newer version", ofNewerVersion(), /line 2 was written by a newer version; install that version again/],
  ])("a journal that is %s is left as it is", async (_name, bytes, why) => {
    await writeFile(site.path(journal), bytes);
    await stopsAndGoesOn(async () => {
      expect(await readFile(site.path(journal))).toEqual(bytes);
      await shell(`mv ${journal} ${journal}.read`);
    }, why);
  });

  test("of two applies with state directories of their own one acts, and the other says so", async () => {
    await site.replaceProgram();
    const times = ["--settle", "2s", "--grace", "1s", "--state-dir", `${state}-other`];
    const first = await spawnInside(site.host, [AGENT, "apply", "--yes", "-o", "json", ...times]);
    const ended = once(first, "exit");
    first.stdout?.resume();
    const begun = Promise.withResolvers<void>();
    let said = "";
    first.stderr?.on("data", (text: Buffer) => {
      said += String(text);
      if (/^1\/[0-9]+ /m.test(said)) begun.resolve();
    });
    first.once("exit", () => begun.reject(new Error(`it ended before it began: ${said}`)));
    await begun.promise;
    // So that it is still acting when the second one looks, however long that takes.
    expect(await signalInside(first, "SIGSTOP")).toBe(true);
    const { code, stderr } = await apply();
    await signalInside(first, "SIGCONT");
    expect({ code, stderr }).toEqual({
      code: 9,
      stderr: "afterpatch-agent: apply: another apply is running on this host; wait until it has ended\n",
    });
    expect(await ended).toEqual([0, null]);
    expect((await apply()).code).toBe(0);
  });
});

function ofNewerVersion(): Buffer {
  const json = '{"type":"of-tomorrow","op":"op-1"}';
  return Buffer.concat([EPOCH, Buffer.from(`${crc32(json).toString(16).padStart(8, "0")} ${json}\n`)]);
}
