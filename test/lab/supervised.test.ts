import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { WhyDocument } from "@afterpatch/agent/look/why";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import { describeLab } from "./describe.ts";
import { execOk, type Host } from "./host.ts";
import { down, hostOf, up } from "./lab.ts";
import { replaceBuild } from "./rebuild.ts";

// Real runit, s6 and supervisord, on one host of systemd: the services are theirs, whatever unit they themselves are in.

const name = `sv-${process.pid}`;
const patient = { timeout: 60_000 };

interface Case {
  readonly manager: string;
  readonly client: string;
  /** Pid of a service's process, by its supervisor's own word; shell text with the service's name as $1. */
  readonly pid: string;
}

const CASES: readonly Case[] = [
  { manager: "runit", client: "sv", pid: 'cat "/opt/runit/$1/supervise/pid"' },
  { manager: "s6", client: "s6-svc", pid: 's6-svstat -o pid "/opt/s6/$1"' },
  { manager: "supervisord", client: "supervisorctl", pid: 'supervisorctl -c /opt/supervisord.conf pid "$1"' },
];

await describeLab("services of runit, s6 and supervisord", () => {
  let payload: Payload;
  let host: Host;
  let agent: Agent;

  const sh = async (script: string, ...words: readonly string[]) =>
    (await execOk(host, ["sh", "-euc", script, "sh", ...words], { timeoutMs: 60_000 })).trim();
  const findings = async () => (await agent.json<Scan>("scan")).findings;
  const put = (path: string, text: string) =>
    execOk(host, ["sh", "-c", `mkdir -p "$(dirname ${path})"; cat >${path}; chmod 755 ${path}`], { input: text });

  beforeAll(async () => {
    payload = await stagePayload();
    const packages = ["runit", "s6", "supervisor"];
    host = hostOf(await up({ name, hosts: 1, packages, payload: payload.directory }), 1);
    agent = agentOn(host);
    await sh("mkdir -p /opt/runit /opt/s6 /var/lib/afterpatch/agent");
    await put("/etc/afterpatch/agent.yaml", "settle: 1s\n");
    for (const { manager } of CASES) {
      for (const service of ["web", "other"]) {
        await sh('cp /bin/sleep "/opt/$1-$2"', manager, service);
        if (manager !== "supervisord")
          await put(`/opt/${manager}/${service}/run`, `#!/bin/sh\nexec /opt/${manager}-${service} 1000000\n`);
      }
    }
    await sh("cp /bin/sleep /opt/runit-logger");
    await put("/opt/runit/web/log/run", "#!/bin/sh\nexec /opt/runit-logger 1000000\n");
    const programs = ["web", "other"].map((one) => `[program:${one}]\ncommand=/opt/supervisord-${one} 1000000\n`);
    await put(
      "/opt/supervisord.conf",
      `[supervisord]\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=/run/lab-supervisord.pid
[unix_http_server]\nfile=/run/lab-supervisor.sock\nchmod=0700
[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]\nserverurl=unix:///run/lab-supervisor.sock\n${programs.join("")}`,
    );
    await sh(`systemctl stop supervisor 2>/dev/null || true
      systemd-run --quiet --unit=lab-runit runsvdir -P /opt/runit
      systemd-run --quiet --unit=lab-s6 s6-svscan /opt/s6
      systemd-run --quiet --unit=lab-supervisord supervisord -n -c /opt/supervisord.conf`);
    for (const { pid } of CASES) {
      for (const service of ["web", "other"])
        await vi.waitFor(async () => expect(await sh(`${pid} || echo 0`, service)).toMatch(/^[1-9][0-9]*$/), patient);
    }
  }, 300_000);
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  test("nothing is old", async () => expect(await findings()).toEqual([]));

  describe.each(CASES)("$manager", ({ manager, client, pid }) => {
    test("a service whose program was replaced is its supervisor's, and it alone is restarted", patient, async () => {
      const [web, other] = [await sh(pid, "web"), await sh(pid, "other")];
      await replaceBuild(host, `/opt/${manager}-web`);
      const [finding, ...others] = await findings();
      expect(others).toEqual([]);
      expect(finding).toMatchObject({
        kind: "service",
        verdict: "replaced",
        process: { pid: Number(web) },
        owner: { kind: "service", manager, name: "web" },
        remedy: { kind: "restart-service", target: `${manager}:web`, automatic: true },
      });
      const why = await agent.json<WhyDocument>("why", web);
      expect(why.owner?.rule).toMatch(new RegExp(`^${manager} \\(pid [0-9]+\\) started its process ${web}\\.$`));
      const done = await agent.json<ApplyDocument>("apply", "--yes");
      expect(done.steps).toMatchObject([
        {
          remedy: { target: `${manager}:web` },
          outcome: "done",
          evidence: expect.stringContaining(`restarted by ${client}`),
        },
      ]);
      expect(await findings()).toEqual([]);
      expect([await sh(pid, "web"), await sh(pid, "other")]).toEqual([expect.not.stringMatching(`^${web}$`), other]);
    });

    test("by its name, and not by one that is not there", patient, async () => {
      const before = await sh(pid, "other");
      await replaceBuild(host, `/opt/${manager}-other`);
      const wrong = await agent.run("apply", "--yes", "--unit", `${manager}:nobody`);
      expect([wrong.code, wrong.stderr]).toEqual([6, expect.stringContaining(`there is no ${manager}:nobody`)]);
      const done = await agent.json<ApplyDocument>("apply", "--yes", "--unit", `${manager}:other`);
      expect(done.steps).toMatchObject([{ outcome: "done" }]);
      expect(await sh(pid, "other")).not.toBe(before);
    });
  });

  test("runit's logger is a service of its own", patient, async () => {
    const web = await sh("cat /opt/runit/web/supervise/pid");
    await replaceBuild(host, "/opt/runit-logger");
    const [finding] = await findings();
    expect(finding).toMatchObject({
      owner: { manager: "runit", name: "web/log" },
      remedy: { target: "runit:web/log" },
    });
    const done = await agent.json<ApplyDocument>("apply", "--yes");
    expect(done.steps).toMatchObject([{ remedy: { target: "runit:web/log" }, outcome: "done" }]);
    expect(await sh("cat /opt/runit/web/supervise/pid")).toBe(web);
  });

  test("one that does not come back is a failure, in its supervisor's words", patient, async () => {
    await replaceBuild(host, "/opt/supervisord-web");
    await sh("cp /bin/false /opt/new; mv /opt/new /opt/supervisord-web");
    const { code, stdout } = await agent.run("apply", "--yes", "-o", "json");
    expect(code).toBe(2);
    const { steps } = JSON.parse(stdout) as ApplyDocument; // the agent's own document
    expect(steps[0]).toMatchObject({ outcome: "failed" });
    expect(JSON.stringify(steps[0])).toContain("was stopped and did not start again");
  });
});
