import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeLab } from "./describe.ts";
import { exec } from "./host.ts";
import type { Init } from "./init.ts";
import { replaceBuild } from "./rebuild.ts";
import { type Rule, stageFor } from "./remedies/applications.ts";

const ODD = 'it\'s "5$"\\ `x`\nand more';

/** How an application of the lab is launched. */
const startOf = (app: string, more: Readonly<Record<string, unknown>> = {}) => ({
  start: { command: [`/opt/${app}/${app}`, `/opt/${app}/run`], ...more },
});
const rule = (app: string, more: Readonly<Record<string, unknown>> = {}): Rule => ({
  name: app,
  match: { executable: `/opt/${app}/${app}` },
  ...startOf(app),
  ...more,
});

const STRIKE = "kill -9 $(pgrep -f '[a]fterpatch-agent.mjs apply'); ";
const RULES: readonly Rule[] = [
  rule("shop", {
    match: { executable: "/opt/shop/shop", user: "shop" },
    start: {
      command: ["/opt/shop/shop", "/opt/shop/run", "a b", "$HOME $$ %n"],
      directory: "/opt/shop/place",
      environment: { GREETING: ODD, LD_LIBRARY_PATH: "/opt/shop/lib" },
    },
  }),
  rule("deaf", { stop: { grace: "1s" } }),
  rule("falls", { start: { command: ["/bin/false"] } }),
  rule("gone", { start: { command: ["/opt/gone/nothing"] } }),
  rule("kept", { start: "none" }),
  rule("told", { stop: { command: ["/opt/told/stop"], timeout: "20s" } }),
  rule("struck", { stop: { command: ["/opt/struck/stop"], user: "root" } }),
  rule("late", { start: { command: ["/opt/late/start"] } }),
];

// Each on a host of its own, all of them at once: they wait more than they work.
await describeLab("applications", () => {
  for (const init of ["systemd", "sysvinit"] as const) {
    describe.concurrent(`halted and launched under ${init}`, () => haltedAndLaunched(init));
    describe.concurrent(`halted or launched by others under ${init}`, () => byOthers(init));
  }
});

/** A test that shares its host with those before it. */
function inTurn(name: string, run: () => Promise<void>): void {
  test(name, { concurrent: false }, run);
}

function hostFor(name: string, init: Init) {
  const stage = stageFor(`apps-${name}-${init}-${process.pid % 1000}`, init);
  beforeAll(async () => {
    await stage.set();
    await stage.rules(...RULES);
  });
  afterAll(stage.clear);
  const old = async (app: string) =>
    (await stage.scan()).findings
      .filter(({ owner }) => owner.name === `/opt/${app}/${app}`)
      .map(({ process }) => `${process?.pid}`);
  const upgrade = (app: string) => replaceBuild(stage.host(), `/opt/${app}/${app}`);
  return { ...stage, old, upgrade };
}

function haltedAndLaunched(init: Init): void {
  const { sh, bring, start, pids, launched, old, upgrade, plan, apply } = hostFor("own", init);

  inTurn("a rule halts the old instances and launches it as whoever ran it; a fresh one is untouched", async () => {
    await bring("shop");
    const before = [await start("shop", "shop", "1"), await start("shop", "shop", "2")];
    const others = await start("shop", "bob");
    await upgrade("shop");
    const fresh = await start("shop", "shop", "fresh");
    expect((await old("shop")).sort()).toEqual([...before, others].sort());
    const { steps, residue } = await plan();
    expect(steps.map(({ id, findings }) => `${id} ${findings.length}`)).toEqual(["relaunch-application:shop 2"]);
    expect(residue).toMatchObject([{ owner: "/opt/shop/shop", reason: expect.stringContaining("ask bob") }]);

    const { code, brief, evidence, document } = await apply();
    expect([code, brief]).toEqual([0, ["relaunch-application shop done"]]);
    expect(evidence).toBe("halted 2 old instances of shop, launched it as shop");
    expect(document.proof?.residue).toMatchObject([{ reason: expect.stringContaining("ask bob") }]);
    expect(await old("shop")).toEqual([others]);
    const now = await pids("shop");
    expect(now).toHaveLength(3);
    expect(now).toEqual(expect.arrayContaining([fresh, others]));
    expect((await launched("shop")).at(-1)).toBe("shop|a b|$HOME $$ %n");

    const pid = now.find((one) => one !== fresh && one !== others) ?? "";
    const environment = await sh("tr '\\0' '\\1' </proc/$1/environ", pid);
    const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    const wanted = [path, `GREETING=${ODD}`, "LD_LIBRARY_PATH=/opt/shop/lib"];
    expect(environment.split("\u0001").filter(Boolean).sort()).toEqual(wanted.sort());
    const status = await sh("grep -E '^(Uid|Gid|Groups|Umask|NoNewPrivs|SigIgn|CapEff):' /proc/$1/status", pid);
    const [uid, gid, printers] = (await sh("id -u shop; id -g shop; getent group printers | cut -d: -f3")).split("\n");
    expect(status.replace(/[ \t]+/g, " ").split("\n")).toEqual(
      expect.arrayContaining([
        `Uid: ${uid} ${uid} ${uid} ${uid}`,
        `Gid: ${gid} ${gid} ${gid} ${gid}`,
        expect.stringMatching(new RegExp(`^Groups: (${gid} ${printers}|${printers} ${gid}) $`)),
        "Umask: 0022",
        "NoNewPrivs: 0",
        "CapEff: 0000000000000000",
        // Bash itself ignores QUIT.
        "SigIgn: 0000000000000004",
      ]),
    );
    const place = "readlink /proc/$1/cwd /proc/$1/fd/0 /proc/$1/fd/1 /proc/$1/fd/2; ps -o sid=,tty= -p $1";
    expect((await sh(place, pid)).split("\n").map((line) => line.trim())).toEqual([
      "/opt/shop/place",
      ...Array.from({ length: 3 }, () => "/dev/null"),
      expect.stringMatching(new RegExp(`^${pid} +\\?$`)),
    ]);
    const unit = await sh("cat /proc/$1/cgroup", pid);
    if (init === "systemd") expect(unit).toMatch(/system\.slice\/afterpatch-application-shop-\d+-\d+\.service$/);
    await sh("! ls /run/afterpatch/*.environment");
    await sh("kill $1", others);
  });

  inTurn("what a rule launched is an application still, and the rule's at the next upgrade, too", async () => {
    const before = await pids("shop");
    await upgrade("shop");
    const { code, brief } = await apply();
    expect([code, brief]).toEqual([0, ["relaunch-application shop done"]]);
    const now = await pids("shop");
    expect(now).toHaveLength(1);
    expect(before).not.toContain(now[0]);
    expect(await old("shop")).toEqual([]);
    if (init === "systemd") {
      expect(await sh("systemctl list-units --all --plain --no-legend 'afterpatch-application-*' | wc -l")).toBe("1");
    }
  });

  inTurn("one that ignores TERM is killed after the rule's grace time", async () => {
    await bring("deaf", "trap 'date +%s%N >>/opt/deaf/place/told' TERM; chmod 777 /opt/deaf/place 2>/dev/null");
    await sh("chmod 777 /opt/deaf/place");
    const pid = await start("deaf", "bob");
    await upgrade("deaf");
    const applying = apply("--application", "deaf");
    const watch = `until [ -s /opt/deaf/place/told ]; do sleep 0.02; done
      while [ -e "/proc/$1" ]; do now=$(date +%s%N); sleep 0.02; done
      cat /opt/deaf/place/told; echo $now`;
    const [told, gone] = (await sh(watch, pid)).split("\n");
    // Of 1 s: it notes late that it was told, and is last seen before its end. Without grace it would be some milliseconds.
    expect((Number(gone) - Number(told)) / 1e6).toBeGreaterThan(500);
    expect((await applying).code).toBe(0);
    expect(await pids("deaf")).toHaveLength(1);
    expect(await pids("deaf")).not.toContain(pid);
  });

  inTurn("a start that fails is a failure, with what is known of it", async () => {
    await bring("falls");
    await start("falls", "bob");
    await upgrade("falls");
    const { code, brief, evidence, document } = await apply("--application", "falls");
    expect([code, brief]).toEqual([2, ["relaunch-application falls failed"]]);
    expect(evidence).toMatch(/^halted 1 old instance of falls; no new instance of \/opt\/falls\/falls runs as bob/);
    if (init === "systemd") expect(document.steps[0]?.journal?.join("\n")).toContain("status=1");
    expect(await pids("falls")).toEqual([]);
  });

  inTurn("what could not be launched again is not halted", async () => {
    await bring("gone");
    const pid = await start("gone", "bob");
    await upgrade("gone");
    const { code, brief, evidence } = await apply("--application", "gone");
    expect([code, brief]).toEqual([3, ["relaunch-application gone vetoed"]]);
    expect(evidence).toBe("gone was not halted: there is no program /opt/gone/nothing");
    expect(await pids("gone")).toEqual([pid]);
    await sh("kill $1", pid);
  });
}

function byOthers(init: Init): void {
  const { sh, put, host, bring, start, pids, launched, upgrade, apply } = hostFor("others", init);
  const struck = (app: string) =>
    exec(host(), ["/opt/afterpatch/bin/afterpatch-agent", "apply", "--application", app, "--settle", "1s", "--yes"]);

  inTurn("start: none leaves the launch to whatever supervises it, and fails where nobody does", async () => {
    await bring("kept");
    await put(
      "/opt/kept/supervise",
      "while [ -e /opt/kept/wanted ]; do /opt/kept/kept /opt/kept/run; sleep 0.2; done\n",
    );
    const supervise =
      "setsid setpriv --reuid bob --regid bob --clear-groups bash /opt/kept/supervise </dev/null >/dev/null 2>&1 &";
    await sh(`touch /opt/kept/wanted; ${supervise} until [ -s /opt/kept/launched ]; do sleep 0.05; done`);
    await upgrade("kept");
    expect(await apply("--application", "kept")).toMatchObject({
      code: 0,
      evidence: "halted 1 old instance of kept, started again by what supervises it (bob)",
    });
    expect(await launched("kept")).toHaveLength(2);
    await sh("rm /opt/kept/wanted");
    await upgrade("kept");
    const { code, evidence } = await apply("--application", "kept");
    expect(code).toBe(2);
    expect(evidence).toContain("nothing that supervises it started it again");
  });

  inTurn("a stop command is told whom to halt, as who runs them, and nothing else", async () => {
    await bring("told");
    await put(
      "/opt/told/stop",
      "#!/bin/sh\nid -un >>/opt/told/place/said; env | sort >>/opt/told/place/said\nkill $AFTERPATCH_PIDS\n",
      "755",
    );
    await sh("chmod 777 /opt/told/place");
    const pid = await start("told", "bob");
    await upgrade("told");
    const fresh = await start("told", "bob");
    expect((await apply("--application", "told")).code).toBe(0);
    const said = (await sh("cat /opt/told/place/said")).split("\n");
    expect(said).toEqual([
      "bob",
      "AFTERPATCH_MOMENT=stop",
      "AFTERPATCH_NAME=told",
      `AFTERPATCH_PIDS=${pid}`,
      "HOME=/home/bob",
      "LC_ALL=C",
      "LOGNAME=bob",
      expect.stringMatching(/^PATH=/),
      "PWD=/",
      "USER=bob",
    ]);
    expect(await pids("told")).toHaveLength(2);
    expect(await pids("told")).toContain(fresh);
    await put("/opt/told/stop", "#!/bin/sh\nexit 7\n", "755");
    await upgrade("told");
    const { code, evidence } = await apply("--application", "told");
    expect(code).toBe(2);
    expect(evidence).toMatch(/could not be halted: \/opt\/told\/stop exited 7/);
    expect(await pids("told")).toHaveLength(2);
  });

  inTurn("an agent that is killed between halt and launch launches it when it comes back, once", async () => {
    await bring("struck");
    await put("/opt/struck/stop", `#!/bin/sh\nkill $AFTERPATCH_PIDS; ${STRIKE}\n`, "755");
    await start("struck", "shop");
    await upgrade("struck");
    expect((await struck("struck")).code).not.toBe(0);
    expect(await launched("struck")).toHaveLength(1);
    expect(await pids("struck")).toEqual([]);
    const { code, document } = await apply("--application", "struck");
    expect(document.resumed).toMatchObject([{ steps: [{ target: "struck", outcome: "done" }] }]);
    expect(code).toBe(0);
    expect(await launched("struck")).toHaveLength(2);
    expect(await pids("struck")).toHaveLength(1);
  });

  inTurn("an agent that is killed when it has launched it does not do so again", async () => {
    await bring("late");
    await put("/opt/late/start", `#!/bin/sh\n${STRIKE}sleep 2\nexec /opt/late/late /opt/late/run\n`, "755");
    await start("late", "root");
    await upgrade("late");
    expect((await struck("late")).code).not.toBe(0);
    const { code, document } = await apply("--application", "late");
    expect(document.resumed).toMatchObject([
      { steps: [{ target: "late", outcome: "done", evidence: "found done when the agent came back" }] },
    ]);
    expect(code).toBe(0);
    expect(await launched("late")).toHaveLength(2);
    expect(await pids("late")).toHaveLength(1);
  });
}
