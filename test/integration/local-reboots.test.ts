import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeLines, encodeLine } from "@afterpatch/agent/journal/lines";
import { proveLocalReboots } from "@afterpatch/agent/session/local-reboots";
import { NO_RULES } from "@afterpatch/agent/vetoes/rules";
import { afterAll, beforeEach, expect, test } from "vitest";
import { live, type RebootWorld, rebootOrder, rebootWorld } from "../fakes/reboot-order.ts";

const all = mkdtempSync(join(tmpdir(), "afterpatch-local-reboots-"));
let file: string;
beforeEach(() => {
  file = join(mkdtempSync(join(all, "state-")), "apply.jsonl");
});
afterAll(() => rmSync(all, { recursive: true }));

const keep = ({ journal }: RebootWorld) => writeFileSync(file, Buffer.concat(journal.records().map(encodeLine)));
const types = () => decodeLines(readFileSync(file), file).records.map(({ type }) => type);

async function prove(
  { host, clock }: RebootWorld,
  lock: () => (() => void) | null = () => () => {},
): Promise<readonly string[]> {
  const said: string[] = [];
  const say = (fields: object, message: string) => void said.push(`${message} ${JSON.stringify(fields)}`);
  const log = { info: say, warn: say, error: say };
  const signal = new AbortController().signal;
  await proveLocalReboots(file, { machine: host.machine(), rules: NO_RULES, clock, signal, lock, log });
  return said;
}

test("the daemon of a host that is back proves what a person ordered there", async () => {
  const world = rebootWorld({ order: rebootOrder({ mode: "always" }) });
  expect(await world.live()).toBeNull();
  keep(world);
  let busy = 2;
  const lock = () => (busy-- > 0 ? null : () => {}); // another process acts at first
  expect(await prove(world, lock)).toEqual([expect.stringContaining('"result":"verified"')]);
  expect(types()).toEqual(["begun", "intent", "booted", "outcome", "ended"]);
  expect(await prove(world)).toEqual([]);
});

test("in the same boot it leaves the order to whoever gave it", async () => {
  const world = rebootWorld();
  const crash = { at: "effect", n: 1, when: "before" } as const;
  await live(world.host, { clock: world.clock, journal: world.journal, order: rebootOrder(), crash });
  keep(world);
  expect(await prove(world)).toEqual([]);
  expect(types()).toEqual(["begun", "intent"]);
});

test("a host without such orders, or with a damaged journal", async () => {
  const world = rebootWorld();
  expect(await prove(world)).toEqual([]);
  writeFileSync(file, "junk\n");
  expect(await prove(world)).toEqual([expect.stringContaining("could not be judged")]);
});
