import { parseCommandLine } from "@afterpatch/cli/command-line";
import { COMMANDS } from "@afterpatch/cli/commands/all";
import { expect, test } from "vitest";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cli } from "./cli-process.ts";
import { initialised, serve, temporaryDirectory } from "./programs.ts";
import { RpcError } from "@afterpatch/wire/rpc";
import { status } from "@grpc/grpc-js";
import { hostIn, rollout, useBench } from "./cli-fixtures.ts";

// What an operator looks at beside rollouts: locks before a scripted controller, the others before a real one.

const bench = useBench();

test("locks: each host that an open rollout has work for", async () => {
  const hosts = [hostIn("web02", "acting"), hostIn("web01", "done"), hostIn("web03", "done", { hasWork: false })];
  bench.script.rollouts.set("r1", rollout("r1", "DSA-1\u001b", { hosts }));
  const { out } = await bench.run("locks");
  expect(out).toMatch(/^web01 +r1 +done +\d+d +\d+d +admin +DSA-1\\u\{1b\}\nweb02 +r1 +acting +/m);
  expect(out).not.toContain("web03");
  const document = JSON.parse((await bench.run("locks", "-o", "json")).out);
  expect(document).toMatchObject({
    schema: "afterpatch.locks/v1",
    locks: [{ host: "web01", rollout: "r1", state: "done" }, { host: "web02" }],
  });
});

test("budgets and windows of a file, before anything is started", async () => {
  const dataDir = await initialised();
  const { ports } = await serve(dataDir);
  const at = (...args: readonly string[]) => {
    const to = ["--controller", `localhost:${ports.fleet}`, "--credentials", join(dataDir, "admin")];
    return cli([...args, ...to]).ended;
  };
  expect((await at("budgets")).out).toBe("No budgets: no open rollout has one, and no file was given (-f FILE).\n");
  expect((await at("windows", "next")).out).toBe("No rollout is open; name one, or give a file (-f FILE).\n");
  expect((await at("locks")).out).toBe("No host is held: no rollout is open.\n");
  const file = join(await temporaryDirectory(), "rollout.yaml");
  writeFileSync(
    file,
    `apiVersion: afterpatch/v1
kind: Rollout
name: nights
windows: [{days: [sat], start: "22:00", duration: 4h, tz: Europe/Paris}]
freeze: [{from: 2020-01-01, until: 2090-01-01, reason: "for good"}]
`,
  );
  const { out, code } = await at("windows", "next", "-f", file, "--count", "2");
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(/^File nights: closed: freeze until .* \(for good\)\nFROM \(UTC\)/),
  ]);
  expect(
    out.match(/^20\S+T2[01]:00:00Z +\S+Z +sat \S+ 22:00 Europe\/Paris +sun .* all of it \(for good\)$/gm),
  ).toHaveLength(2);
  await at("freeze", "on", "--reason", "sales");
  const document = JSON.parse((await at("windows", "next", "-f", file, "-o", "json")).out);
  expect(document).toMatchObject({ fleetFreeze: { reason: "sales" }, hours: [{ isOpen: false, rollout: null }] });
  const both = await at("windows", "next", "r1", "-f", file);
  expect([both.code, both.err]).toEqual([5, expect.stringMatching(/a rollout and a file are named; leave one/)]);
  expect((await at("windows", "next", "r1")).code).toBe(6);
  const wrong = await at("budgets", "-f", join(dataDir, "none.yaml"));
  expect([wrong.code, wrong.err]).toEqual([5, expect.stringMatching(/cannot be read: it does not exist/)]);
}, 60_000);

const EVENT = {
  ...{ seq: 1, at: 1_700_000_000_000, type: "started", host: "", hostId: "", actor: "", why: "", state: "" },
  ...{ permitId: "", wave: "", steps: [], residue: [] },
};

test("rollout history: those that ended, and the events of one", async () => {
  const ended = { state: "halted", why: "1 failed", createdAt: 1_700_000_000_000, endedAt: 1_700_000_300_000 };
  bench.script.rollouts.set("r1", rollout("r1", "DSA-1", { ...ended, hosts: [hostIn("web01", "failed")] }));
  bench.script.rollouts.set("r2", rollout("r2", "still open"));
  const { out } = await bench.run("rollout", "history");
  expect(out).toMatch(/^r1 +halted +2023-11-14T22:13:20Z +5m +1 failed +admin +DSA-1$/m);
  expect(out).not.toContain("r2");
  const json = JSON.parse((await bench.run("rollout", "history", "-o", "json")).out);
  expect(json).toMatchObject({ rollouts: [{ id: "r1", endedAt: 1_700_000_300_000 }] });
  bench.script.events = [
    EVENT,
    { ...EVENT, seq: 2, type: "ended", host: "web01", hostId: "h1", state: "failed", why: "step-failed\u001b[2J" },
    { ...EVENT, seq: 3, type: "written-off", host: "web01", hostId: "h1", actor: "ada", why: "dead" },
  ];
  expect((await bench.run("rollout", "history", "r1")).out).toBe(
    "Rollout r1\n2023-11-14T22:13:20Z started\n2023-11-14T22:13:20Z ended web01 failed: step-failed\\u{1b}[2J\n" +
      "2023-11-14T22:13:20Z written-off web01: by ada; dead\n",
  );
  const lines = (await bench.run("rollout", "history", "r1", "-o", "jsonl")).out.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { seq: 1, rollout: "r1", type: "started", host: null },
    { seq: 2, reason: "step-failed\\u{1b}[2J" },
    { seq: 3, actor: "ada" },
  ]);
  const unknown = await bench.run("rollout", "history", "r9", "-o", "jsonl");
  expect([unknown.code, unknown.out.split("\n").length]).toEqual([6, 2]);
  // Of a list a line for each member, of anything else one line.
  const hosts = (await bench.run("status", "-o", "jsonl")).out.trimEnd().split("\n");
  expect(hosts.map((line) => JSON.parse(line).name)).toEqual([...hosts.map((line) => JSON.parse(line).name)].sort());
  expect(hosts.map((line) => JSON.parse(line).name)).toContain("web01");
  const one = await bench.run("rollout", "status", "r1", "-o", "jsonl");
  expect([one.out.split("\n").length, JSON.parse(one.out).schema]).toEqual([2, "afterpatch.rollout/v1"]);
});

test("what has ended is told so once, and who leaves the id out how to find it", async () => {
  const why = "rollout r1 has already ended: halted";
  bench.script.refuse = new RpcError(status.FAILED_PRECONDITION, "already-ended", why);
  for (const verb of ["pause", "resume", "approve", "abort"]) {
    const ended = await bench.run("rollout", verb, "r1");
    expect([ended.code, ended.err]).toEqual([
      5,
      "afterpatch: rollout r1: has already ended: halted; see 'afterpatch rollout status'\n",
    ]);
    expect((await bench.run("rollout", verb)).err).toBe(
      "afterpatch: command line: a rollout's id is missing: 'afterpatch rollout list' shows them, newest first; " +
        `see 'afterpatch rollout ${verb} --help'\n`,
    );
  }
});

test("a plan shows the windows and freezes of its file, and the fleet's freeze", async () => {
  const freeze = { from: Date.UTC(2026, 11, 24), until: Date.UTC(2026, 11, 27), reason: "holi\u001bdays" };
  const at = Date.UTC(2026, 11, 26, 21);
  const opening = { from: at, until: at + 14_400_000, tz: "Europe/Paris", lastStart: 0, cutBy: [freeze] };
  const hours = { rolloutId: "", name: "", closed: "outside of every window", openUntil: 0, isAlways: false };
  bench.script.plan = {
    ...bench.script.plan,
    hours: { ...hours, next: [opening], freezes: [freeze] },
    fleetFreeze: { actor: "ada", reason: "sales", since: 1, until: 0 },
  };
  const { out } = await bench.run("plan", "all");
  expect(out).toContain(
    "\nThe fleet is frozen by ada: sales: nothing begins\nWindows: closed: outside of every window\n",
  );
  expect(out).toContain(
    "\n  sat 2026-12-26 22:00 Europe/Paris to sun 2026-12-27 02:00 Europe/Paris (2026-12-26T21:00:00Z to 2026-12-27T01:00:00Z)" +
      ", frozen: 2026-12-26T21:00:00Z to 2026-12-27T00:00:00Z (holi\\u{1b}days)\n" +
      "  frozen 2026-12-24T00:00:00Z to 2026-12-27T00:00:00Z (holi\\u{1b}days)\n",
  );
  expect(JSON.parse((await bench.run("plan", "all", "-o", "json")).out)).toMatchObject({
    hours: { isOpen: false, next: [{ from: at, cutBy: [{ until: freeze.until }] }], freezes: [{}] },
    fleetFreeze: { actor: "ada", until: null },
  });
});

test("every command says its exit codes in its help", async () => {
  // In this process: fifty of them would take a minute.
  const help = async (...words: readonly string[]) => {
    const parsed = await parseCommandLine([...words, "--help"], "0.0.0", 100);
    return parsed.kind === "text" ? parsed.text : "";
  };
  const named = (text: string, group: string) =>
    [...text.matchAll(new RegExp(`^ {2}afterpatch ${group}([a-z]+)`, "gm"))].map(([, name = ""]) => name);
  const groups = COMMANDS.filter(({ kind }) => kind === "group").map(({ name }) => name);
  const top = named(await help(), "").filter((name) => !groups.includes(name));
  const inner = await Promise.all(
    groups.map(async (group) => named(await help(group), `${group} `).map((name) => [group, name])),
  );
  const commands = [...top.map((name) => [name]), ...inner.flat()];
  expect(commands.length).toBeGreaterThan(20);
  for (const command of commands) {
    expect([command, await help(...command)]).toEqual([
      command,
      expect.stringMatching(/\nExit codes: 0 |\nExit codes: as /),
    ]);
  }
});
