import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCommandLine } from "@afterpatch/cli/command-line";
import { plain, type Shell } from "@afterpatch/cli/shell";
import { expect, onTestFinished, test } from "vitest";
import { rm } from "node:fs/promises";
import type { FakeHostOptions } from "../fakes/machine.ts";
import { cli } from "./cli-process.ts";
import { controllerHere, type OpenedController } from "./in-process.ts";
import { agentOf } from "./live-agent.ts";

// Ansible inventories in orders: from -i and -l over the real wire to what is planned, kept, and done again without them.

const OLD: FakeHostOptions = { units: [{ name: "ssh.service", isOld: true }] };
const HOSTS = `[web]
web01
web02
web03

[canary]
web02

[db]
db01

[prod:children]
web
db
`;

async function place(names: readonly string[], labels: Readonly<Record<string, string>> = {}) {
  const controller = await controllerHere();
  await Promise.all(names.map((name) => agentOf(controller, name, OLD, labels)));
  await expect
    .poll(async () => (await controller.store.hosts.list()).filter(({ report }) => report !== null).length, {
      timeout: 20_000,
    })
    .toBe(names.length);
  const folder = mkdtempSync(join(tmpdir(), "afterpatch-orders-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const put = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o644 });
    return join(folder, name);
  };
  return { controller, put, folder, run: runner(controller) };
}

function runner(controller: OpenedController, env: Readonly<Record<string, string>> = {}) {
  const to = ["--controller", `localhost:${controller.ports.fleet}`];
  const credentials = { AFTERPATCH_CREDENTIALS: join(controller.dataDir, "admin") };
  return (...args: readonly string[]) => cli([...args, ...to], { ...credentials, ...env }).ended;
}

const planned = (out: string): readonly string[] =>
  JSON.parse(out).waves.flatMap((wave: { hosts: readonly { name: string }[] }) => wave.hosts.map(({ name }) => name));

test("groups, limits, and hosts that are not enrolled", async () => {
  const { controller, put, run } = await place(["web01", "web02", "db01", "lab01"]);
  const inventory = put("hosts", HOSTS);
  const plan = await run("plan", "prod:!canary", "-i", inventory, "-o", "json");
  const document = JSON.parse(plan.out);
  expect([plan.code, planned(plan.out), document.notEnrolled]).toEqual([4, ["web01", "db01"], ["web03"]]);
  expect(document.uncovered).toEqual([{ name: "web03", why: "in the inventory, and not enrolled" }]);
  expect(plan.err).toContain("1 enrolled host is not in the inventory and not looked at: lab01\n");

  const limited = await run("plan", "all", "-i", inventory, "-l", "prod,!db", "-l", "web0[12]*", "-o", "json");
  expect([limited.code, planned(limited.out)]).toEqual([0, ["web01", "web02"]]);
  const file = put("retry", "web01\ndb01\n\n");
  expect(planned((await run("plan", "prod", "-i", inventory, "-l", `@${file}`, "-o", "json")).out)).toEqual([
    "web01",
    "db01",
  ]);
  expect(planned((await run("plan", "all", "-l", "web01", "-o", "json")).out)).toEqual(["web01"]);

  const status = await runner(controller, { AFTERPATCH_INVENTORY: inventory })("status", "-l", "web", "-o", "json");
  expect(JSON.parse(status.out).hosts.map(({ name }: { name: string }) => name)).toEqual(["web01", "web02"]);
  expect([status.code, status.err]).toEqual([
    4,
    expect.stringContaining("1 host of the inventory not enrolled, and so not covered: web03\n"),
  ]);

  // What is enrolled and not in the inventory is out of reach, and so is what neither knows.
  const lab = await run("plan", "lab01", "-i", inventory);
  expect([lab.code, lab.err]).toEqual([
    6,
    expect.stringContaining("nothing matches 'lab01' (nearest: lab01 is enrolled, and not in the inventory)"),
  ]);
  expect((await run("plan", "wbe", "-i", inventory)).err).toContain("nothing matches 'wbe' (nearest: web");
  expect((await run("plan", "web01", "-l", "web02")).err).toContain("none of its hosts is within the limit");
  expect((await run("why", "canary", "-i", inventory, "-o", "json")).out).toContain('"host": "web02"');
  const absent = await run("why", "web03", "-i", inventory);
  expect([absent.code, absent.err]).toEqual([6, expect.stringContaining("no host of that name is enrolled")]);

  const cordon = await run("cordon", "web", "-i", inventory, "--reason", "power", "-o", "json");
  const { hosts, notEnrolled } = JSON.parse(cordon.out);
  expect([cordon.code, hosts.length, notEnrolled]).toEqual([4, 2, ["web03"]]);
}, 120_000);

test("variables that are asked for become labels, ansible_host is a hint, and nothing else is sent", async () => {
  const { put, folder, run } = await place(["web01", "web02"], { role: "web" });
  put("hosts", "[web]\nfront ansible_host=web01 ec2_az=eu-1 password=hunter2\nweb02\n");
  mkdirSync(join(folder, "host_vars"));
  put("host_vars/web02.yml", "ec2_az: eu-2\nboot: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n");
  const inventory = join(folder, "hosts");
  const plan = await run("plan", "zone=eu-1", "-i", inventory, "--inventory-label", "zone=ec2_az", "-o", "json");
  expect([plan.code, planned(plan.out)]).toEqual([0, ["web01"]]);
  expect(plan.err).toContain("known by ansible_host alone: front is host web01\n");
  expect(plan.out).not.toMatch(/hunter2|VAULT|password/);
  const status = await run("status", "-i", inventory, "--inventory-label", "zone=ec2_az", "-o", "json");
  const labels = JSON.parse(status.out).hosts.map((host: { labels: object }) => host.labels);
  expect(labels).toEqual([
    { role: "web", zone: "eu-1" },
    { role: "web", zone: "eu-2" },
  ]);
  const other = await run("status", "-i", inventory, "--inventory-label", "role=ec2_az");
  expect([other.code, other.err]).toEqual([
    5,
    expect.stringContaining("host web01 has the label role=web, and the inventory says role=eu-1 of front"),
  ]);
  const vault = await run("status", "-i", inventory, "--inventory-label", "zone=boot");
  expect([vault.code, vault.err]).toEqual([5, expect.stringContaining("'boot' of web02 is no label: it is encrypted")]);
}, 120_000);

test("a program is run by --inventory-exec alone", async () => {
  const { put, run } = await place(["web01"]);
  const script = put(
    "script",
    '#!/bin/sh\n[ "$1" = --list ] && echo \'{"web": ["web01"], "_meta": {"hostvars": {}}}\'\n',
  );
  chmodSync(script, 0o755);
  const refused = await run("plan", "web", "-i", script);
  expect([refused.code, refused.err]).toEqual([5, expect.stringMatching(/executable.*--inventory-exec/)]);
  expect(planned((await run("plan", "web", "-i", script, "--inventory-exec", "-o", "json")).out)).toEqual(["web01"]);
  const broken = put("broken", "#!/bin/sh\necho no credentials >&2\nexit 3\n");
  chmodSync(broken, 0o755);
  const failed = await run("plan", "web", "-i", broken, "--inventory-exec");
  expect([failed.code, failed.err]).toEqual([5, expect.stringContaining("--list: ended with 3: no credentials")]);
}, 60_000);

const FILE = `apiVersion: afterpatch/v1
kind: Rollout
name: groups
reason: test
select: prod
waves:
  - name: canary
    select: canary
  - name: rest
budgets:
  - select: web
    maxUnavailable: 2
`;

test("a rollout and a saved plan keep their inventory, and are planned again without it", async () => {
  const { put, folder, run } = await place(["web01", "web02", "db01"]);
  const inventory = put("hosts", HOSTS);
  const file = put("rollout.yaml", FILE);
  const saved = join(folder, "plan.json");
  const plan = await run("plan", "-f", file, "-i", inventory, "-o", "json", "--out", saved);
  expect([plan.code, plan.out]).toEqual([4, ""]);
  const started = await run("rollout", "start", "-f", file, "-i", inventory, "--yes", "--detach", "-o", "json");
  const rollout = JSON.parse(started.out);
  expect(started.code).toBe(0);
  const ended = async (id: string) => {
    await run("rollout", "abort", id, "--reason", "enough");
    const state = async () => JSON.parse((await run("rollout", "status", id, "-o", "json")).out).state;
    await expect.poll(state, { timeout: 60_000, interval: 500 }).toBe("aborted");
  };
  await ended(rollout.id);
  writeFileSync(inventory, "nothing of this is left");

  const retried = JSON.parse((await run("rollout", "retry", rollout.id, "--yes", "--detach", "-o", "json")).out);
  expect(retried.hosts.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(["web01", "db01"]));
  expect(retried.uncovered).toEqual([{ name: "web03", why: "in the inventory, and not enrolled" }]);
  await ended(retried.id);
  const applied = await run("apply", saved, "--yes", "--detach", "-o", "json");
  expect([applied.code, applied.err]).toEqual([0, expect.not.stringContaining("stale")]);
  expect(JSON.parse(applied.out).hosts.length).toBe(3);
}, 120_000);

test("in a terminal a large part of the fleet is started by its number of hosts alone", async () => {
  const { controller, run } = await place(["web01", "web02"]);
  const answers = ["y", "1", "2"];
  const questions: string[] = [];
  const typed = async () => {
    const argv = ["rollout", "start", "all", "--reason", "test", "--detach"];
    const parsed = await parseCommandLine(argv, "0", 100);
    if (parsed.kind !== "command") throw new Error(parsed.text);
    const ask = async (question: string) => {
      questions.push(question);
      return answers.shift() ?? "";
    };
    return parsed.chosen.run(terminal(controller, ask));
  };
  await expect(typed()).rejects.toMatchObject({ exit: 5, todo: "type 2, or add --yes" });
  await expect(typed()).rejects.toMatchObject({ exit: 5 });
  expect((await controller.store.rollouts.recent(10)).length).toBe(0);
  expect(await typed()).toBe(0);
  expect(questions[0]).toContain("It selects 2 hosts of the fleet's 2; type that number to start: ");
  expect((await run("rollout", "start", "all", "--reason", "test", "--yes", "--max-hosts", "1")).code).toBe(5);
}, 60_000);

function terminal(controller: OpenedController, ask: (question: string) => Promise<string>): Shell {
  const where = { controller: `localhost:${controller.ports.fleet}`, credentials: join(controller.dataDir, "admin") };
  const silent = () => undefined;
  return {
    access: { ...where, inventory: null, inventoryLabels: null, loginToken: null },
    ...{ now: Date.now, out: silent, err: silent, written: async () => undefined, terminal: null, ask, paint: plain },
    onInterrupt: () => silent,
  };
}
