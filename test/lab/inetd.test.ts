import type { SessionsDocument } from "@afterpatch/agent/look/sessions";
import type { Plan } from "@afterpatch/core/plan/types";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import { describeLab } from "./describe.ts";
import { upgradeImapd } from "./errata.ts";
import { execOk, type Host } from "./host.ts";
import type { Init } from "./init.ts";
import { down, hostOf, type Lab, up } from "./lab.ts";
import { openSession, type Session } from "./session.ts";
import { replaceXinetd, untilListening } from "./super-server.ts";

const inetdConf = `imap2 stream tcp nowait root /usr/sbin/imapd imapd
1143 stream tcp nowait root /usr/sbin/tcpd /usr/sbin/imapd
2143 stream tcp6 wait root /usr/sbin/imapd imapd --wait
`;

for (const init of ["systemd", "sysvinit"] as const) {
  await describeLab(`sessions of openbsd-inetd under ${init} that are open while imapd is upgraded`, () => {
    const stage = stageFor(`inetd-${init}-${process.pid}`, init);
    const old: Session[] = [];
    const fresh: Session[] = [];

    beforeAll(async () => {
      const { host, open } = await stage.set();
      await replaceXinetd(host, inetdConf);
      await untilListening(host, 2143); // the last of its configuration
      old.push(await open(143));
      // It leaves that session to PID 1.
      await execOk(host, ["sh", "-c", "service openbsd-inetd restart >/dev/null 2>&1 </dev/null"]);
      await untilListening(host, 2143);
      old.push(await open(143, true), await open(1143), await open(2143, true));
      await upgradeImapd(host);
      fresh.push(await open(143), await open(143, true), await open(1143));
    });
    afterAll(stage.clear);

    test("scan finds the old ones alone, as sessions of inetd, an orphan among them", async () => {
      const [orphan] = await Promise.all(old.map(pidOf));
      expect((await execOk(stage.host(), ["ps", "-o", "ppid=", "-p", `${orphan}`])).trim()).toBe("1");
      const { findings } = await stage.agent().json<Scan>("scan");
      expect(
        findings.map(({ owner, process }) => `${owner.kind} ${owner.manager} ${owner.name} ${process?.executable}`),
      ).toEqual(
        // The server of 2143 and its child are both old.
        ["1143", "2143", "2143", "imap2", "imap2"].map((name) => `xinetd-session inetd ${name} /usr/sbin/imapd`),
      );
      const pids = findings.flatMap(({ process }) => process?.pid ?? []);
      for (const session of old) expect(pids).toContain(await pidOf(session));
      for (const session of fresh) expect(pids).not.toContain(await pidOf(session));
    });

    test("sessions tells old and new", async () => {
      const { sessions } = await stage.agent().json<SessionsDocument>("sessions");
      expect(sessions.map(({ service, code, owner }) => `${owner.manager} ${service} ${code}`)).toEqual([
        "inetd 1143 old",
        "inetd 1143 new",
        "inetd 2143 old",
        "inetd imap2 old",
        "inetd imap2 old",
        "inetd imap2 new",
        "inetd imap2 new",
      ]);
    });

    test("apply --service ends the old sessions of one service, and --only end-session all the others", async () => {
      const { steps } = await stage.agent().json<Plan>("plan");
      expect(steps.map(({ id }) => id)).toEqual(["end-session:1143", "end-session:2143", "end-session:imap2"]);
      await stage.agent().json("apply", "--service", "imap2", "--settle", "1s", "--yes");
      const [v4, v6, ...others] = old;
      for (const session of [v4, v6]) await session?.ended();
      for (const session of others) expect(await session.ask("NOOP")).toContain("imapd 1.0");
      await stage.agent().json("apply", "--only", "end-session", "--settle", "1s", "--yes");
      for (const session of old) await session.ended();
      for (const session of fresh) expect(await session.ask("NOOP")).toContain("imapd 1.1");
      expect((await stage.agent().json<Scan>("scan")).findings).toEqual([]);
    });
  });
}

await describeLab("sessions of inetutils-inetd that are open while imapd is upgraded", () => {
  const stage = stageFor(`inetutils-${process.pid}`, "systemd", ["inetutils-inetd", "xinetd-"]);
  const old: Session[] = [];
  const fresh: Session[] = [];

  beforeAll(async () => {
    const { host, open } = await stage.set();
    // One service in its file, one in its folder; Debian's script starts it, and systemd makes a unit of that.
    const files = `cat >/etc/inetd.conf; mkdir -p /etc/inetd.d
      echo '1143 stream tcp nowait root /usr/sbin/tcpd /usr/sbin/imapd' >/etc/inetd.d/letters
      service inetutils-inetd restart >/dev/null 2>&1 </dev/null`;
    await execOk(host, ["sh", "-euc", files], { input: "imap2 stream tcp nowait root /usr/sbin/imapd imapd\n" });
    await untilListening(host, 143, 1143);
    old.push(await open(143), await open(1143));
    await upgradeImapd(host);
    fresh.push(await open(143));
  });
  afterAll(stage.clear);

  test("they are inetd's, of its file and of its folder, and end alone", { timeout: 60_000 }, async () => {
    expect((await execOk(stage.host(), ["pgrep", "-c", "inetutils-inetd"])).trim()).toBe("1");
    const { findings } = await stage.agent().json<Scan>("scan");
    expect(
      findings.map(({ owner, process }) => `${owner.kind} ${owner.manager} ${owner.name} ${process?.pid}`).sort(),
    ).toEqual(
      [`imap2 ${await pidOf(old[0] as Session)}`, `1143 ${await pidOf(old[1] as Session)}`] // both were opened above
        .map((told) => `xinetd-session inetd ${told}`)
        .sort(),
    );
    await stage.agent().json("apply", "--settle", "1s", "--yes");
    for (const session of old) await session.ended();
    for (const session of fresh) expect(await session.ask("NOOP")).toContain("imapd 1.1");
    expect((await stage.agent().json<Scan>("scan")).findings).toEqual([]);
  });
});

await describeLab("connections of an Accept=yes socket that are open while its program is upgraded", () => {
  const stage = stageFor(`accept-${process.pid}`, "systemd");
  let old: Session;
  let fresh: Session;
  let instance: string;

  beforeAll(async () => {
    const { host, open } = await stage.set();
    const socket = "[Socket]\nListenStream=3143\nAccept=yes\n";
    await execOk(host, ["sh", "-c", "cat >/run/systemd/system/letters.socket"], { input: socket });
    const service = "[Service]\nExecStart=/usr/sbin/imapd\nStandardInput=socket\n";
    await execOk(host, ["sh", "-c", "cat >/run/systemd/system/letters@.service"], { input: service });
    await execOk(host, ["systemctl", "start", "letters.socket"]);
    old = await open(3143, true);
    instance = (await execOk(host, ["ps", "-o", "unit=", "-p", `${await pidOf(old)}`])).trim();
    await upgradeImapd(host);
    fresh = await open(3143);
  });
  afterAll(stage.clear);

  test("scan finds the old instance alone, by the name of its socket", async () => {
    const { findings } = await stage.agent().json<Scan>("scan");
    expect(instance).toMatch(/^letters@.*\.service$/);
    expect(findings).toMatchObject([
      {
        kind: "xinetd-session",
        verdict: "replaced",
        process: { pid: await pidOf(old) },
        owner: { kind: "socket-session", manager: "systemd", name: instance },
        remedy: { kind: "end-session", target: "letters.socket", automatic: true },
      },
    ]);
  });

  test("sessions tells old and new by the name of the socket", async () => {
    const { sessions } = await stage.agent().json<SessionsDocument>("sessions", "letters");
    expect(sessions.map(({ service, code }) => `${service} ${code}`)).toEqual([
      "letters.socket old",
      "letters.socket new",
    ]);
  });

  test("no plan restarts it on the same connection: apply stops it, and nothing old is left", async () => {
    const { steps, residue } = await stage.agent().json<Plan>("plan");
    expect([steps.map(({ id }) => id), residue]).toEqual([["end-session:letters.socket"], []]);
    await stage.agent().json("apply", "--settle", "1s", "--yes");
    await old.ended();
    expect(await fresh.ask("NOOP")).toContain("imapd 1.1");
    expect((await stage.agent().json<Scan>("scan")).findings).toEqual([]);
  });
});

/** A lab of one host with the agent, and all sessions that were opened with it. */
function stageFor(name: string, init: Init, packages: readonly string[] = []) {
  const sessions: Session[] = [];
  let payload: Payload | undefined;
  let made: Host | undefined;
  const host = () => {
    if (made === undefined) throw new Error(`${name}: not made yet`);
    return made;
  };
  return {
    host,
    agent: (): Agent => agentOn(host()),
    set: async () => {
      payload = await stagePayload();
      const lab: Lab = await up({ name, hosts: 1, init, packages, payload: payload.directory });
      made = hostOf(lab, 1);
      const open = async (port: number, v6 = false) => {
        const session = await openSession(lab, host(), port, { v6 });
        sessions.push(session);
        return session;
      };
      return { host: host(), open };
    },
    clear: async () => {
      for (const session of sessions) await session.close();
      await down(name);
      await payload?.remove();
    },
  };
}

async function pidOf(session: Session): Promise<number> {
  return Number(/ pid (\d+): /.exec(await session.ask("pid"))?.[1]);
}
