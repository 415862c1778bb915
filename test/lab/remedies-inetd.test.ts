import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLab } from "./describe.ts";
import { exec } from "./host.ts";
import { replaceBuild } from "./rebuild.ts";
import { stageFor, WAIT } from "./remedies/stage.ts";
import { replaceXinetd, untilListening } from "./super-server.ts";

// Super-servers other than xinetd under systemd.

const patient = { timeout: 20_000 };

await describeLab("openbsd-inetd runs old code itself", () => {
  const { set, clear, sh, host, session, apply, scan } = stageFor(`rinet-${process.pid % 1000}`, "systemd");
  beforeAll(async () => {
    await set();
    await replaceXinetd(
      host(),
      "imap2 stream tcp nowait root /usr/sbin/imapd imapd\n2143 stream tcp wait root /usr/sbin/imapd imapd --wait\n",
    );
    await untilListening(host(), 143, 2143);
  });
  afterAll(clear);

  test("its waiting server ends first, other sessions go on, and it listens on IPv4 and IPv6 again", async () => {
    const waited = await session(2143);
    const open = await session(143);
    const listeners = () => sh("ss -Hltn '( sport = :143 or sport = :2143 )' | wc -l");
    const before = await listeners();
    await replaceBuild(host(), "/usr/sbin/inetd");
    const { code, brief, steps } = await apply("--settle", "1s");
    expect(steps[0]?.evidence).toMatch(
      /^inetd\.service restarted \(InvocationID .*\); 1 process of sessions that were open goes on$/,
    );
    expect([code, brief]).toEqual([0, ["restart-service inetd.service done"]]);
    await waited.ended();
    expect(await open.ask("NOOP")).toContain("imapd");
    expect(await listeners()).toBe(before);
    expect((await session(2143)).greeting).toContain("imapd");
    expect((await scan()).findings).toEqual([]);
  });
});

await describeLab("sessions and xinetd under sysvinit", () => {
  const { set, clear, sh, put, host, session, copied, service, scan, apply } = stageFor(
    `rsysv-${process.pid % 1000}`,
    "sysvinit",
  );
  beforeAll(async () => {
    await set();
    await copied("/usr/sbin/imapd", "/opt/waits");
    await copied("/usr/sbin/sshd", "/opt/login");
    await service("waits", 2143, WAIT);
    await service("login", 2022, "wait = no\nserver = /opt/login/sshd\nserver_args = -i");
    await sh("service xinetd restart >/dev/null 2>&1 </dev/null");
    await untilListening(host(), 143, 2143, 2022);
  });
  afterAll(clear);

  test("a login over sshd -i is asked for by name, not ended", async () => {
    await sh(`mkdir -p /root/.ssh /run/sshd; cp /bin/sleep /opt/visitor; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id
      cp /root/.ssh/id.pub /root/.ssh/authorized_keys
      ssh -f -p 2022 -i /root/.ssh/id -o StrictHostKeyChecking=no 127.0.0.1 'exec /opt/visitor 4245' >/dev/null 2>&1 </dev/null`);
    await expect.poll(() => sh("pgrep -xc visitor || true"), patient).toBe("1");
    await replaceBuild(host(), "/opt/login/sshd");
    await replaceBuild(host(), "/opt/visitor");
    const { findings } = await scan();
    expect(new Set(findings.map(({ owner, remedy }) => `${owner.name} ${remedy.kind} ${remedy.automatic}`))).toEqual(
      new Set(["login end-session false"]),
    );
    expect(findings.length).toBeGreaterThanOrEqual(2);
    expect(await apply("--settle", "0s")).toMatchObject({ code: 0, brief: [] });
    expect(await sh("pgrep -xc visitor || true")).toBe("1");
    expect((await apply("--service", "login", "--settle", "0s")).brief).toEqual(["end-session login done"]);
    expect(await sh("pgrep -xc visitor || true")).toBe("0");
    expect((await scan()).findings).toEqual([]);
  });

  test("xinetd's waiting server ends before its script is run, and every port is served again", async () => {
    const waited = await session(2143);
    await put("/etc/afterpatch/agent.yaml", "users:\n  protected: [nobody-at-all]\n");
    await replaceBuild(host(), "/usr/sbin/xinetd");
    const { code, brief } = await apply("--settle", "1s");
    expect([code, brief]).toEqual([0, ["restart-service xinetd done"]]);
    await waited.ended();
    await untilListening(host(), 143, 2143, 2022);
    expect((await scan()).findings).toEqual([]);
  });

  test("it stays as it is while somebody who is protected has a session that would end", async () => {
    await sh("useradd alice || adduser --disabled-password --gecos '' alice");
    await service("waits", 2143, WAIT);
    await sh(
      "sed -i 's/user = root/user = alice/' /etc/xinetd.d/waits; service xinetd reload >/dev/null 2>&1 </dev/null",
    );
    await untilListening(host(), 2143);
    const waited = await session(2143);
    await put("/etc/afterpatch/agent.yaml", "users:\n  protected: [alice]\n");
    await replaceBuild(host(), "/usr/sbin/xinetd");
    const { findings } = await scan();
    expect(findings[0]?.remedy).toMatchObject({
      automatic: false,
      reason: expect.stringContaining("sessions of alice"),
    });
    expect((await apply("--settle", "0s")).brief).toEqual([]);
    expect(
      (await exec(host(), ["/opt/afterpatch/bin/afterpatch-agent", "apply", "--unit", "xinetd", "--yes"])).stdout,
    ).not.toMatch(/^done /m);
    expect(await waited.ask("NOOP")).toContain("imapd");
  });
});
