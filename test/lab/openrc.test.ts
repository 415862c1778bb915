import type { ApplyDocument } from "@afterpatch/agent/apply/present";
import type { WhyDocument } from "@afterpatch/agent/look/why";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import { describeLab } from "./describe.ts";
import { execOk, type Host } from "./host.ts";
import { down, hostOf, up } from "./lab.ts";
import { replaceBuild } from "./rebuild.ts";

// Debian's OpenRC under sysvinit: it runs init scripts of both kinds.

const name = `openrc-${process.pid}`;
const patient = { timeout: 60_000 };

await describeLab("a host whose services OpenRC keeps", () => {
  let payload: Payload;
  let host: Host;
  let agent: Agent;

  const sh = async (script: string, ...words: readonly string[]) =>
    (await execOk(host, ["sh", "-euc", script, "sh", ...words], { timeoutMs: 60_000 })).trim();
  const findings = async () => (await agent.json<Scan>("scan")).findings;

  beforeAll(async () => {
    payload = await stagePayload();
    const options = { name, hosts: 1, init: "sysvinit", packages: ["openrc"], payload: payload.directory } as const;
    host = hostOf(await up(options), 1);
    agent = agentOn(host);
    const script = `#!/sbin/openrc-run
command=/opt/webd
command_args=1000000
command_background=yes
pidfile=/run/$RC_SVCNAME.pid
`;
    await execOk(host, ["sh", "-c", "cat >/etc/init.d/webd; chmod 755 /etc/init.d/webd; cp /bin/sleep /opt/webd"], {
      input: script,
    });
    await sh("mkdir -p /etc/afterpatch; echo 'settle: 1s' >/etc/afterpatch/agent.yaml");
    await sh("rc-service webd start >/dev/null 2>&1 </dev/null");
  }, 300_000);
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  test("OpenRC is in charge, and nothing is old", async () => {
    expect(await sh("cat /run/openrc/softlevel; rc-service webd status 2>&1")).toMatch(/^default\s.*started/);
    expect(await findings()).toEqual([]);
  });

  test.each([
    ["webd", "/opt/webd", "/run/webd.pid"],
    ["cron", "/usr/sbin/cron", "/run/crond.pid"],
  ])("%s: found by its pid file, and restarted by rc-service", patient, async (service, program, pidFile) => {
    const pid = await sh('cat "$1"', pidFile);
    await replaceBuild(host, program);
    const [finding, ...others] = await findings();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      kind: "service",
      process: { pid: Number(pid), executable: program },
      owner: { kind: "service", manager: "openrc", name: service },
      remedy: { kind: "restart-service", target: service, automatic: true },
    });
    const why = await agent.json<WhyDocument>("why", pid);
    expect(why.owner?.rule).toContain(`${pidFile} names its pid`);
    const done = await agent.json<ApplyDocument>("apply", "--yes");
    expect(done.steps).toMatchObject([
      {
        remedy: { target: service },
        outcome: "done",
        evidence: expect.stringContaining(`${service} restarted by rc-service`),
      },
    ]);
    expect(await findings()).toEqual([]);
    expect(await sh('rc-service "$1" status >/dev/null 2>&1 && ls /run/openrc/started', service)).toContain(service);
  });

  test("one that OpenRC calls crashed after its restart is a failure", patient, async () => {
    await sh("cp /bin/sleep /opt/new; mv /opt/new /opt/webd; rc-service webd restart >/dev/null 2>&1 </dev/null");
    await replaceBuild(host, "/opt/webd");
    await sh("cp /bin/false /opt/new; mv /opt/new /opt/webd");
    const { code, stdout } = await agent.run("apply", "--yes", "-o", "json");
    expect(code).toBe(2);
    // By whether its process was still there when it was first looked for.
    expect(stdout).toMatch(/webd was stopped and did not start again|webd has no process any more/);
  });
});
