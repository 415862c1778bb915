import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Scan } from "@afterpatch/core/scan";
import type { LabFleet } from "../e2e/fleet.ts";
import { exec, execOk, type Host } from "../lab/host.ts";
import type { Session } from "../lab/session.ts";
import { claim, type Page } from "./page.ts";
import { whoRunsOldCode } from "./who-runs-old-code.ts";

type Sessions = ReadonlyMap<string, readonly Session[]>;
type Scans = ReadonlyMap<string, Scan>;

export const STAGES = 8;
const ROLLOUT = ["rollout", "start", "role=web", "--serial", "1", "--reason", "DSA-6001: libssl3 and imapd", "--yes"];
/** Ran new code all along, before and after the upgrade. */
const UNRELATED = ["cron.service", "xinetd.service"];

/** From the upgrade to the second rollout, on hosts that have just been enrolled. Throws Broken where a claim fails. */
export async function showFleet(fleet: LabFleet, page: Page): Promise<void> {
  const sessions: Session[] = [];
  try {
    page.stage("People log in to imapd 1.0", "They will be in the middle of their work when the upgrade comes.");
    const old = await openSessions(fleet, 2, "1.0", page);
    sessions.push(...[...old.values()].flat());
    page.ran("afterpatch status", await fleet.cli("status"));

    const fresh = await upgrade(fleet, page);
    sessions.push(...[...fresh.values()].flat());
    const before = await showPlan(fleet, page);
    const invocations = await invocationsOf(fleet);

    await rollOut(fleet, page);

    const after = await scans(fleet);
    page.stage(
      "Who runs old code now?",
      "Each host was scanned once more, after and apart from the rollout's own proof.",
    );
    page.line(whoRunsOldCode(before, after).trimEnd());
    const automatic = [...after.values()].flatMap(({ findings }) => findings.filter(({ remedy }) => remedy.automatic));
    claim(automatic.length === 0, "something that can be relaunched automatically still runs old code");
    page.ran("afterpatch rollout status", await fleet.cli("rollout", "status"));

    await showSessions(page, old, fresh);
    await showUnrelated(fleet, page, invocations);

    page.stage("The same rollout again", "Nothing is left that it could relaunch, so it must do nothing.");
    const again = await fleet.cli(...ROLLOUT);
    page.ran(typed(ROLLOUT), again);
    claim(again.code === 0 && again.stdout.includes("Nothing to do"), "the second rollout found something to do");
    page.line(`exit code ${again.code}`);
  } finally {
    for (const session of sessions) await session.close().catch(() => undefined); // gone already, with its host or client
  }
}

async function openSessions(fleet: LabFleet, each: number, version: string, page: Page): Promise<Sessions> {
  const sessions = await fleet.openSessions(each);
  for (const [host, open] of sessions) {
    page.line(
      `${host}: ${open.length === 1 ? "a session" : `${open.length} sessions`}, greeted with "${open[0]?.greeting}"`,
    );
    claim(
      open.every(({ greeting }) => greeting.includes(`imapd ${version}`)),
      `${host} greets with another imapd`,
    );
  }
  return sessions;
}

async function upgrade(fleet: LabFleet, page: Page): Promise<Sessions> {
  page.stage(
    "The security upgrade",
    "dpkg replaces the files. What runs goes on with the old ones, and nothing says so.",
  );
  const { libssl, imapd } = await fleet.upgrade();
  page.line(`dpkg --install on every host: libssl3 ${libssl}, imapd ${imapd}`);
  page.line("xinetd starts the new program for those who come now:");
  return openSessions(fleet, 1, "1.1", page);
}

async function showPlan(fleet: LabFleet, page: Page): Promise<Scans> {
  page.stage(
    "What still runs old code, and what would be done?",
    "plan scans every host anew; nothing is changed yet.",
  );
  page.ran("afterpatch plan role=web --serial 1", await fleet.cli("plan", "role=web", "--serial", "1"));
  page.ran("afterpatch status", await fleet.cli("status"));
  return scans(fleet);
}

async function rollOut(fleet: LabFleet, page: Page): Promise<void> {
  page.stage(
    "The rollout, one host at a time",
    "The next host comes when the one before has proved itself; the controller is killed on the way, and nothing may be lost.",
  );
  page.command(typed(ROLLOUT));
  page.line("(the plan, as above, then its progress)");
  const child = await fleet.spawnCli(...ROLLOUT);
  if (child.stdout === null || child.stderr === null) throw new Error("a command on the switch has pipes");
  const ended = once(child, "exit");
  createInterface({ input: child.stderr }).on("line", (line) => page.line(line));
  let isKilled = false;
  for await (const line of createInterface({ input: child.stdout })) {
    if (/^\d{4}-/.test(line)) page.line(line);
    if (isKilled || !/ web02 acting/.test(line)) continue;
    isKilled = true;
    page.line(`--- kill -9 ${fleet.controllerPid}: the controller is gone while web02 is at work`);
    await fleet.killController();
    await fleet.startController();
    page.line(`--- the controller was started again, as process ${fleet.controllerPid}`);
  }
  const [code] = await ended;
  page.line(`exit code ${code}`);
  claim(code === 0, `the rollout ended with exit code ${code}`);
  claim(isKilled, "the rollout was over before the controller could be killed");
}

async function showSessions(page: Page, old: Sessions, fresh: Sessions): Promise<void> {
  page.stage("And the people?", "Sessions that ran imapd 1.0 had to end. Those that ran 1.1 already had not.");
  for (const [host, sessions] of old) {
    const young = fresh.get(host) ?? [];
    for (const session of sessions) await session.ended();
    claim(
      young.every((session) => session.isOpen()),
      `a new session on ${host} was ended`,
    );
    const answers = await Promise.all(young.map((session) => session.ask("a1 NOOP")));
    page.line(
      `${host}: ${sessions.length} old sessions ended; the new one still answers: "a1 NOOP" -> "${answers[0]}"`,
    );
  }
}

async function showUnrelated(fleet: LabFleet, page: Page, before: ReadonlyMap<string, string>): Promise<void> {
  const now = await invocationsOf(fleet);
  for (const [unit, invocation] of before) claim(now.get(unit) === invocation, `${unit} was restarted without need`);
  page.line(`${UNRELATED.join(" and ")} run as they did before: same InvocationID on every host`);
}

/** InvocationID of the unrelated services, by `HOST UNIT`; systemd.exec(5). */
async function invocationsOf(fleet: LabFleet): Promise<ReadonlyMap<string, string>> {
  const entries = fleet.hosts.flatMap((host) =>
    UNRELATED.map(async (unit) => {
      const { stdout } = await exec(host, ["systemctl", "show", "--value", "--property", "InvocationID", unit]);
      return [`${host.name} ${unit}`, stdout.trim()] as const;
    }),
  );
  return new Map(await Promise.all(entries));
}

async function scans(fleet: LabFleet): Promise<Scans> {
  const scan = async (host: Host) => {
    const json = await execOk(host, ["afterpatch-agent", "scan", "--format", "json"]);
    return [host.name, JSON.parse(json) as Scan] as const; // written by our own agent
  };
  return new Map(await Promise.all(fleet.hosts.map(scan)));
}

function typed(words: readonly string[]): string {
  return ["afterpatch", ...words.map((word) => (/^[\w=%,.-]+$/.test(word) ? word : `'${word}'`))].join(" ");
}
