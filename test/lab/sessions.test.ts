import type { SessionsDocument } from "@afterpatch/agent/look/sessions";
import type { UsersDocument } from "@afterpatch/agent/look/users";
import type { Plan } from "@afterpatch/core/plan/types";
import { canonicalAddress } from "@afterpatch/core/proc/address";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import { describeLab } from "./describe.ts";
import { upgradeImapd } from "./errata.ts";
import { execOk, type Host } from "./host.ts";
import { down, hostOf, type Lab, up } from "./lab.ts";
import { controllerAddress, controllerAddress6 } from "./network.ts";
import { openSession, type Session } from "./session.ts";
import { installTcpd, untilListening } from "./super-server.ts";

const name = `sessions-${process.pid}`;

// Beside the image's own service `imap`. The first two serve the same imapd.
const entries = {
  "imap-wrapped": `type = UNLISTED\nport = 1143\nsocket_type = stream\nprotocol = tcp\nwait = no\nuser = root
flags = NAMEINARGS\nserver = /usr/sbin/tcpd\nserver_args = /usr/sbin/imapd`,
  "imap-wait": `type = UNLISTED\nport = 2143\nsocket_type = stream\nprotocol = tcp\nwait = yes\nuser = root
server = /usr/sbin/imapd\nserver_args = --wait`,
  "ssh-redirected": `type = UNLISTED\nport = 2222\nsocket_type = stream\nprotocol = tcp\nwait = no\nuser = root
redirect = 127.0.0.1 22`,
};

/** One user's session, with what the host should say about it. */
interface Client {
  readonly service: string;
  readonly session: Session;
  readonly peer: { readonly address: string; readonly port: number };
  /** It was let in between these two instants. */
  readonly between: readonly [number, number];
}

await describeLab("sessions of xinetd that are open while imapd is upgraded", () => {
  let payload: Payload;
  let lab: Lab;
  let host: Host;
  let agent: Agent;
  const old: Client[] = [];
  const fresh: Client[] = [];

  const open = async (service: string, port: number, from: number, v6 = false): Promise<Client> => {
    const before = Date.now();
    const session = await openSession(lab, host, port, { from, v6 });
    const address = v6 ? canonicalAddress(controllerAddress6) : controllerAddress;
    return { service, session, peer: { address: address ?? "", port: from }, between: [before, Date.now()] };
  };
  const pids = async (clients: readonly Client[]) => sorted(await Promise.all(clients.map(pidOf)));
  /** The server of `wait = yes`, which the process of its session is a child of. */
  const waiter = async () => {
    const pid = await pidOf(clientOf(old, "imap-wait"));
    return Number(await execOk(host, ["ps", "-o", "ppid=", "-p", `${pid}`]));
  };

  beforeAll(async () => {
    payload = await stagePayload();
    lab = await up({ name, hosts: 1, payload: payload.directory });
    host = hostOf(lab, 1);
    agent = agentOn(host);
    await installTcpd(host);
    for (const [service, attributes] of Object.entries(entries)) {
      const input = `service ${service}\n{\n${attributes}\n}\n`;
      await execOk(host, ["sh", "-c", 'cat >"/etc/xinetd.d/$1"', "sh", service], { input });
    }
    await execOk(host, ["systemctl", "reload", "xinetd"]);
    await untilListening(host, 143);
    old.push(await open("imap", 143, 40_001));
    await execOk(host, ["systemctl", "restart", "xinetd"]); // it leaves that session to PID 1
    await untilListening(host, 143, 1143, 2143, 2222);
    old.push(await open("imap", 143, 40_002), await open("imap", 143, 40_003, true));
    old.push(await open("imap-wrapped", 1143, 40_004), await open("imap-wait", 2143, 40_005));
    await upgradeImapd(host);
    fresh.push(await open("imap", 143, 40_011), await open("imap", 143, 40_012, true));
    fresh.push(await open("imap-wrapped", 1143, 40_013));
  });
  afterAll(async () => {
    for (const { session } of [...old, ...fresh]) await session.close();
    await down(name);
    await payload?.remove();
  });

  test("the sessions are what they are meant to be: an orphan, old builds and new ones", async () => {
    const [orphan] = await Promise.all(old.map(pidOf));
    expect((await execOk(host, ["ps", "-o", "ppid=", "-p", `${orphan}`])).trim()).toBe("1");
    expect(new Set(old.map(({ session }) => session.greeting))).toEqual(new Set(["* OK imapd 1.0 ready"]));
    expect(new Set(fresh.map(({ session }) => session.greeting))).toEqual(new Set(["* OK imapd 1.1 ready"]));
  });

  test("sessions tells old and new, with peer and since when", async () => {
    const { sessions } = await agent.json<SessionsDocument>("sessions");
    const said = sessions.map(({ service, code, peer, morePeers }) => ({ service, code, peer, morePeers }));
    const expected = (code: string) => (client: Client) => ({
      service: client.service,
      code,
      peer: client.peer,
      morePeers: [],
    });
    expect(sorted(said)).toEqual(sorted([...old.map(expected("old")), ...fresh.map(expected("new"))]));
    for (const { peer, between } of [...old, ...fresh]) {
      const since = sessions.find((session) => session.peer?.port === peer.port)?.since;
      // The kernel counts a process's start in hundredths of a second.
      expect(since).toBeGreaterThanOrEqual(between[0] - 100);
      expect(since).toBeLessThanOrEqual(between[1] + 100);
    }
  });

  test("sessions SERVICE lists that service alone, and one that nobody has is an error", async () => {
    const { sessions } = await agent.json<SessionsDocument>("sessions", "imap-wrapped");
    expect(sessions.map(({ peer }) => peer?.port)).toEqual([40_004, 40_013]);
    expect(await agent.run("sessions", "imaps")).toMatchObject({ code: 6, stdout: "" });
  });

  test("the peer of a redirected session is the client, not where it is redirected to", async () => {
    const { session, peer } = await open("ssh-redirected", 2222, 40_031);
    const { sessions } = await agent.json<SessionsDocument>("sessions", "ssh-redirected");
    await session.close();
    expect(sessions).toMatchObject([{ code: "new", local: { port: 2222 }, peer, morePeers: [] }]);
  });

  test("users of the program: old copies and the new one", async () => {
    const { users } = await agent.json<UsersDocument>("users", "/usr/sbin/imapd");
    const of = (copy: string) =>
      sorted(users.filter(({ file }) => file.copy === copy).map(({ process }) => process.pid));
    expect(of("old")).toEqual(sorted([...(await pids(old)), await waiter()]));
    expect(of("new")).toEqual(await pids(fresh));
    expect(of("unknown")).toEqual([]);
    const builds = new Set(users.map(({ file }) => `${file.copy} ${file.buildId.mapped}`));
    expect(builds.size).toBe(2);
  });

  test("scan finds exactly the old ones", async () => {
    const { findings } = await agent.json<Scan>("scan");
    expect(new Set(findings.map(({ kind, verdict }) => `${kind} ${verdict}`))).toEqual(
      new Set(["xinetd-session replaced"]),
    );
    expect(sorted(findings.flatMap(({ process }) => process?.pid ?? []))).toEqual(
      sorted([...(await pids(old)), await waiter()]),
    );
    const owners = findings.map(({ owner }) => `${owner.manager} ${owner.name}`);
    expect(sorted(owners)).toEqual([
      ...Array.from({ length: 3 }, () => "xinetd imap"),
      ...Array.from({ length: 2 }, () => "xinetd imap-wait"),
      "xinetd imap-wrapped",
    ]);
    expect(new Set(findings.flatMap(({ files }) => files.map(({ path, kind }) => `${kind} ${path}`)))).toEqual(
      new Set(["executable /usr/sbin/imapd"]),
    );
  });

  test("plan ends them, service by service, and leaves nothing", async () => {
    const { steps, residue } = await agent.json<Plan>("plan");
    expect(steps.map(({ id, findings }) => [id, findings.length])).toEqual([
      ["end-session:imap", 3],
      ["end-session:imap-wait", 2],
      ["end-session:imap-wrapped", 1],
    ]);
    expect(residue).toEqual([]);
  });

  test("apply --service ends the old sessions of that service: IPv4, IPv6 and the orphan", async () => {
    await agent.json("apply", "--service", "imap", "--settle", "1s", "--yes");
    for (const { service, session } of old) {
      if (service === "imap") await session.ended();
      else expect(await session.ask("a NOOP")).toMatch(/^\* imapd 1\.0 pid \d+: a NOOP$/);
    }
  });

  test("apply --only end-session ends the others, the server of wait = yes included", async () => {
    const server = await waiter();
    await agent.json("apply", "--only", "end-session", "--settle", "1s", "--yes");
    for (const { session } of old) await session.ended();
    expect((await agent.run("why", `${server}`)).code).toBe(6);
  });

  test("fresh sessions have stayed, and the host is clean", async () => {
    for (const { session } of fresh) expect(await session.ask("b NOOP")).toMatch(/^\* imapd 1\.1 pid \d+: b NOOP$/);
    const { findings } = await agent.json<Scan>("scan");
    expect(findings).toEqual([]);
    const { sessions } = await agent.json<SessionsDocument>("sessions");
    expect(sessions.map(({ code, peer }) => `${code} ${peer?.port}`)).toEqual(["new 40011", "new 40012", "new 40013"]);
  });

  test("xinetd has its port of wait = yes back, and starts the new program there", async () => {
    const again = await open("imap-wait", 2143, 40_021);
    fresh.push(again);
    expect(again.session.greeting).toBe("* OK imapd 1.1 ready");
  });
});

async function pidOf({ session }: Client): Promise<number> {
  return Number(/ pid (\d+): /.exec(await session.ask("pid"))?.[1]);
}

function clientOf(clients: readonly Client[], service: string): Client {
  const found = clients.find((client) => client.service === service);
  if (found === undefined) throw new Error(`no client of ${service}`);
  return found;
}

/** By their text. */
function sorted<T>(values: readonly T[]): readonly T[] {
  return [...values].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
