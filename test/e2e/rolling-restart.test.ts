import { once } from "node:events";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLab } from "../lab/describe.ts";
import { reinstallLibssl } from "../lab/errata.ts";
import { exec, execOk, type Host } from "../lab/host.ts";
import type { Session } from "../lab/session.ts";
import { LabFleet } from "./fleet.ts";

const patient = { timeout: 60_000, interval: 300 };

interface Rollout {
  readonly state: string;
  readonly hosts: readonly {
    readonly name: string;
    readonly state: string;
    readonly residue: readonly string[];
    readonly steps: readonly {
      readonly remedy: { readonly kind: string; readonly target: string };
      readonly outcome: string;
      readonly startedAt: number;
      readonly elapsedMs: number;
    }[];
  }[];
}

interface Unit {
  readonly remedy: { readonly automatic: boolean };
}

/** The three hosts of the lab. */
const RANGE = "\\S*\\[0?1:0?3\\]";

await describeLab("a rolling restart after a security upgrade of libssl3 and imapd", () => {
  let fleet: LabFleet;
  let old: ReadonlyMap<string, readonly Session[]>;
  let fresh: ReadonlyMap<string, readonly Session[]>;
  let before: ReadonlyMap<string, Readonly<Record<string, string>>>;

  beforeAll(async () => {
    fleet = await LabFleet.make(`e2e-${process.pid % 1000}`, 3, () => {});
  });
  afterAll(async () => {
    for (const session of [...(old?.values() ?? []), ...(fresh?.values() ?? [])].flat()) await session.close();
    await fleet?.remove();
  });

  test("a fresh fleet has nothing to do, and neither has one with the same version reinstalled", async () => {
    expect((await fleet.cli("plan", "role=web", "--exit-code")).code).toBe(0);
    for (const host of fleet.hosts) await reinstallLibssl(host);
    expect((await fleet.cli("plan", "all", "--exit-code")).code).toBe(0);
    for (const host of fleet.hosts) expect((await scan(host)).findings).toEqual([]);
  });

  test("after the upgrade every host runs old code of both packages", async () => {
    old = await fleet.openSessions(2);
    for (const session of [...old.values()].flat()) expect(session.greeting).toContain("imapd 1.0");
    await fleet.upgrade();
    fresh = await fleet.openSessions(1);
    for (const session of [...fresh.values()].flat()) expect(session.greeting).toContain("imapd 1.1");
    before = new Map(await Promise.all(fleet.hosts.map(async (h) => [h.name, await invocations(h)] as const)));
    for (const host of fleet.hosts) {
      const { findings } = await scan(host);
      expect(findings.filter((f) => f.kind === "xinetd-session").map((f) => f.owner.name)).toEqual(["imap", "imap"]);
      expect(findings.find((f) => f.owner.name === "ssh.service")?.verdict).toBe("replaced");
      expect(findings.find((f) => f.owner.kind === "init")?.remedy).toMatchObject({ kind: "reexec", target: "init" });
      expect(findings.find((f) => f.owner.name === "cron.service")).toBeUndefined();
    }
    expect((await fleet.cli("scan", "role=web", "--exit-code")).code).toBe(10);
    expect((await fleet.cli("status", "role=web", "--exit-code")).code).toBe(10);
    expect((await fleet.cli("plan", "role=web", "--exit-code")).code).toBe(10);
    // Over the fleet: one cause, its units, all of the hosts in one range.
    const { stdout } = await fleet.cli("status");
    expect(stdout).toMatch(/^libssl3 \S+ -> \S+: /m);
    expect(stdout).toMatch(new RegExp(`^  ssh\\.service +replaced +restart-service +3 +${RANGE}$`, "m"));
    expect((await fleet.cli("users", "libcrypto.so*", "--unit", "ssh", "--exit-code")).code).toBe(10);
    expect((await fleet.cli("users", "--package", "nosuch", "--exit-code")).code).toBe(0);
  });

  test("every format of the built program prints", async () => {
    for (const format of ["table", "wide", "json", "yaml"]) {
      for (const command of [["status"], ["plan", "all"], ["rollout", "list"]]) {
        const { code, stdout, stderr } = await fleet.cli(...command, "-o", format);
        expect([code, stderr], `${command.join(" ")} -o ${format}`).toEqual([0, ""]);
        expect(stdout.length).toBeGreaterThan(10);
      }
    }
  });

  test("one rollout, serial 1, with the controller killed in the middle, clears it host by host", async () => {
    const rollout = await fleet.spawnCli(
      "rollout",
      "start",
      "role=web",
      "--serial",
      "1",
      "--reason",
      "DSA-6001",
      "--yes",
    );
    const ended = once(rollout, "exit");
    let said = "";
    rollout.stdout?.on("data", (text) => {
      said += text;
    });
    rollout.stderr?.on("data", (text) => {
      said += text;
    });
    // In the middle: the first host is done, the second one in hand.
    await expect.poll(async () => inHand(await status(fleet)), patient).toBe("second");
    await fleet.killController();
    await fleet.startController();
    expect(await ended, said).toEqual([0, null]);
    const view = await status(fleet);
    expect(view.state).toBe("finished");
    for (const host of view.hosts) {
      expect(host.state).toMatch(/^done/);
      const done = host.steps.map((step) => `${step.remedy.kind} ${step.remedy.target}: ${step.outcome}`);
      expect(done).toContain("end-session imap: done");
      expect(done).toContain("restart-service ssh.service: done");
      expect(done).toContain("reexec init: done");
    }
    expect(overlaps(view)).toEqual([]);
  });

  test("old sessions ended, new ones and unrelated services are untouched", async () => {
    for (const session of [...old.values()].flat()) await session.ended();
    for (const session of [...fresh.values()].flat()) {
      expect(session.isOpen()).toBe(true);
      expect(await session.ask("a1 NOOP")).toContain("a1");
    }
    for (const host of fleet.hosts) {
      const now = await invocations(host);
      const then = before.get(host.name);
      expect(now["cron.service"]).toBe(then?.["cron.service"]);
      expect(now["xinetd.service"]).toBe(then?.["xinetd.service"]);
      expect(now["ssh.service"]).not.toBe(then?.["ssh.service"]);
    }
  });

  test("each effect happened once", async () => {
    for (const host of fleet.hosts) {
      const journal = await execOk(host, ["cat", "/var/lib/afterpatch/agent/journal.jsonl"]);
      const intents = journal
        .split("\n")
        .flatMap(
          (line) =>
            /"type":"intent".*"step":\{"kind":"([^"]+)","target":"([^"]+)"/.exec(line)?.slice(1).join(" ") ?? [],
        );
      expect(intents.length).toBeGreaterThan(2);
      expect(new Set(intents).size).toBe(intents.length);
      const starts = await execOk(host, ["journalctl", "-u", "ssh.service", "-o", "cat", "--no-pager"]);
      // Once at boot, once by the rollout.
      expect(starts.match(/^Started ssh\.service/gm)?.length).toBe(2);
    }
  });

  test("no finding with a remedy is left, residue is listed by name", async () => {
    for (const host of fleet.hosts) {
      const { findings } = await scan(host);
      expect(findings.filter((finding) => finding.remedy.automatic)).toEqual([]);
      const left = new Set(findings.map((finding) => finding.owner.name));
      const view = (await status(fleet)).hosts.find((h) => h.name === host.name);
      expect(new Set(view?.residue)).toEqual(left);
    }
  });

  test("nobody uses the old library but what only a person may restart", async () => {
    expect((await fleet.cli("users", "libcrypto.so*", "--unit", "ssh", "--exit-code")).code).toBe(0);
    const { stdout } = await fleet.cli("status", "--by", "cause", "-o", "json");
    const { causes } = JSON.parse(stdout) as { readonly causes: readonly { readonly units: readonly Unit[] }[] };
    expect(causes.flatMap(({ units }) => units).filter(({ remedy }) => remedy.automatic)).toEqual([]);
  });

  test("a second rollout finds nothing to do", async () => {
    const second = await fleet.cli("rollout", "start", "role=web", "--reason", "again", "--yes", "-o", "json");
    expect(second.code).toBe(0);
    const view = JSON.parse(second.stdout) as Rollout;
    expect(view.state).toBe("finished");
    expect(view.hosts.flatMap((host) => host.steps)).toEqual([]);
  });
});

async function scan(host: Host): Promise<Scan> {
  return JSON.parse(await execOk(host, ["afterpatch-agent", "scan", "--format", "json"])) as Scan;
}

async function status(fleet: LabFleet): Promise<Rollout> {
  return JSON.parse((await fleet.cli("rollout", "status", "-o", "json")).stdout || '{"hosts":[]}') as Rollout;
}

function inHand({ hosts }: Rollout): string {
  const states = hosts.map((host) => host.state);
  const done = states.filter((state) => state.startsWith("done")).length;
  return done === 1 && states.some((state) => state === "acting") ? "second" : states.join();
}

/** Pairs of hosts that were acted on at the same time, by their own clocks: they are one machine's. */
function overlaps({ hosts }: Rollout): readonly string[] {
  const spans = hosts.map(({ name, steps }) => ({
    name,
    from: Math.min(...steps.map((step) => step.startedAt)),
    to: Math.max(...steps.map((step) => step.startedAt + step.elapsedMs)),
  }));
  return spans.flatMap((a) =>
    spans.filter((b) => a.name < b.name && a.from < b.to && b.from < a.to).map((b) => `${a.name}+${b.name}`),
  );
}

async function invocations(host: Host): Promise<Readonly<Record<string, string>>> {
  const units = ["ssh.service", "xinetd.service", "cron.service"];
  const entries = units.map(async (unit) => {
    const { stdout } = await exec(host, ["systemctl", "show", "--value", "--property", "InvocationID", unit]);
    return [unit, stdout.trim()] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
