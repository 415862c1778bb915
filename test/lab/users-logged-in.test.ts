import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { LabFleet } from "../e2e/fleet.ts";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { describeLab } from "./describe.ts";
import { exec, execOk, type Host, signalInside, spawnInside } from "./host.ts";
import { down, hostOf, up } from "./lab.ts";
import { replaceBuild } from "./rebuild.ts";
import { bringDaemon, property, put, startDaemons, upgradeDaemons } from "./remedies/services.ts";

// People who are logged in, and programs that hold off a shutdown, as logind itself has them: by sshd, by PAM, by systemd-inhibit.

const UNIT = "shop.service";
const AGENT = "/usr/bin/afterpatch-agent";
const APPLY = [AGENT, "apply", "--yes", "-o", "json"];
const patient = { timeout: 90_000, interval: 200 };

interface Seen {
  readonly state: string;
  readonly hosts: readonly { readonly state: string; readonly reason: string }[];
}

const said = (stdout: string) =>
  (JSON.parse(stdout) as { readonly ending: { readonly message: string } }).ending.message;

await describeLab("a host is held off and let go by logind", () => {
  let fleet: LabFleet;
  let host: Host;
  let desk: Host;
  /** What a test left on the host: undone after it, also when it failed. */
  let undo: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    fleet = await LabFleet.make(`users-${process.pid % 1000}`, 2, () => {}, { packages: ["libpam-systemd"] });
    [host, desk] = fleet.hosts as [Host, Host]; // two were ordered
    await bringDaemon(host);
    await startDaemons(host, [{ name: "shop" }]);
    for (const user of ["alice", "bob"]) await execOk(host, ["useradd", "--create-home", user]);
    await execOk(desk, ["sh", "-c", "mkdir -p /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519"]);
    const key = await execOk(desk, ["cat", "/root/.ssh/id_ed25519.pub"]);
    for (const home of ["/home/alice", "/root"]) await put(host, `${home}/.ssh/authorized_keys`, key, "644");
    await execOk(host, ["sh", "-c", "ssh-keygen -A && systemctl restart ssh.service"]);
  });
  afterAll(() => fleet?.remove());
  beforeEach(async () => {
    await put(host, "/etc/afterpatch/agent.yaml", "vetoes: { usersLoggedIn: true }\nsettle: 0s\n", "644");
    await upgradeDaemons(host, "shop");
  });
  afterEach(async () => {
    for (const one of undo.toReversed()) await one();
    undo = [];
    await execOk(host, ["rm", "-f", "/etc/afterpatch/agent.yaml"]);
    await exec(host, APPLY);
  });

  const ssh = (user: string, ...command: readonly string[]) => [
    "ssh",
    "-oStrictHostKeyChecking=no",
    "-oBatchMode=yes",
    `${user}@${host.address}`,
    ...command,
  ];
  /** As logind lists them, by name. */
  const users = async () =>
    (await execOk(host, ["loginctl", "list-sessions", "--no-legend"]))
      .split("\n")
      .flatMap((line) => line.trim().split(/\s+/)[2] ?? []);

  /** Somebody with a terminal; answers what logs out again. */
  async function login(user: string): Promise<() => Promise<void>> {
    const [first = "", ...rest] = ssh(user, "exec cat");
    const child = await spawnInside(desk, [first, "-tt", ...rest], { stdio: ["pipe", "ignore", "inherit"] });
    const logout = async () => {
      await signalInside(child, "SIGTERM").catch(() => {}); // logged out by the test already
      await expect.poll(users, patient).not.toContain(user);
    };
    undo.push(logout);
    await expect.poll(users, patient).toContain(user);
    return logout;
  }

  /** Starts in the background, and answers what ends it. */
  async function unit(name: string, ...words: readonly string[]): Promise<() => Promise<unknown>> {
    const end = () => exec(host, ["systemctl", "stop", `${name}.service`]);
    undo.push(end);
    await execOk(host, ["systemd-run", "--quiet", "--collect", `--unit=${name}`, ...words]);
    return end;
  }

  const invocation = () => property(host, UNIT, "InvocationID");
  const status = async (id: string) =>
    JSON.parse((await fleet.cli("rollout", "status", id, "-o", "json")).stdout) as Seen;

  /** A rollout and a person are both held off with the same words; let go, the rollout goes on by itself. */
  async function heldOff(code: string, words: RegExp, letGo: () => Promise<unknown>): Promise<void> {
    const before = await invocation();
    const order = ["rollout", "start", host.name, "--reason", "DSA-6001", "--yes", "--detach", "-o", "json"];
    const { id } = JSON.parse(await fleet.cliOk(...order)) as { readonly id: string };
    await expect.poll(async () => (await status(id)).hosts[0]?.state, patient).toBe("vetoed");
    const [seen] = (await status(id)).hosts;
    expect(seen?.reason.split(": ", 1)).toEqual([code]);
    expect(seen?.reason.slice(code.length + 2)).toMatch(words);
    const applied = await exec(host, APPLY);
    expect([applied.code, said(applied.stdout)]).toEqual([3, expect.stringMatching(words)]);
    expect(await invocation()).toBe(before);
    await letGo();
    await expect.poll(async () => (await status(id)).state, patient).toBe("finished");
    expect((await status(id)).hosts[0]).toMatchObject({ state: "done" });
    expect(await invocation()).not.toBe(before);
  }

  test("somebody over ssh, until the logout", async () => {
    const logout = await login("alice");
    const words = `^alice on pts/\\d+ from ${desk.address} is logged in \\(vetoes\\.usersLoggedIn\\)$`;
    await heldOff("users-logged-in", new RegExp(words), logout);
  });

  /** What `login` does on a console: PAM opens the session, and ends it with the program. */
  const pam = ["--property=PAMName=login", "--property=User=bob"];
  const console = ["--property=StandardInput=tty-force", "--property=TTYPath=/dev/console"];

  test("somebody at the console, by a session that PAM opened", async () => {
    const end = await unit("desk", ...pam, ...console, "sleep", "600");
    await expect.poll(users, patient).toContain("bob");
    await heldOff("users-logged-in", /^bob on console is logged in \(vetoes\.usersLoggedIn\)$/, end);
  });

  test("the session that types apply does not count, somebody else's does", async () => {
    const logout = await login("alice");
    const words = /^alice on pts\/\d+ from \S+ is logged in \(vetoes\.usersLoggedIn\)$/;
    const held = await exec(desk, ssh("root", ...APPLY));
    expect([held.code, said(held.stdout)]).toEqual([3, expect.stringMatching(words)]);
    await logout();
    const before = await invocation();
    const done = await exec(desk, ssh("root", ...APPLY));
    expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
    expect(await invocation()).not.toBe(before);
  });

  test("who lingers, or has a session in the background, does not count; nor does anybody where the file does not say so", async () => {
    undo.push(() => exec(host, ["loginctl", "disable-linger", "alice"]));
    await execOk(host, ["loginctl", "enable-linger", "alice"]);
    const uid = (await execOk(host, ["id", "-u", "alice"])).trim();
    await expect.poll(async () => property(host, `user@${uid}.service`, "ActiveState"), patient).toBe("active");
    await unit("job", ...pam, "sleep", "600");
    await expect.poll(users, patient).toContain("bob");
    expect((await exec(host, APPLY)).code).toBe(0);
    await upgradeDaemons(host, "shop");
    await put(host, "/etc/afterpatch/agent.yaml", "settle: 0s\n", "644");
    await login("alice");
    expect((await exec(host, APPLY)).code).toBe(0);
  });

  test("a program that holds off shutdown in mode block, until it ends; in mode delay it holds nothing off", async () => {
    const inhibit = (mode: string) =>
      unit(
        `backup-${mode}`,
        "systemd-inhibit",
        "--what=shutdown:sleep",
        `--mode=${mode}`,
        "--who=the backup",
        "--why=nightly",
        "sleep",
        "600",
      );
    const held = async () =>
      (await execOk(host, ["systemd-inhibit", "--list", "--no-legend"])).match(/the backup.*(?:block|delay)$/m)?.[0];
    await inhibit("delay");
    await expect.poll(held, patient).toMatch(/delay$/);
    expect((await exec(host, APPLY)).code).toBe(0);
    await upgradeDaemons(host, "shop");
    await undo.pop()?.();
    const end = await inhibit("block");
    await expect.poll(held, patient).toMatch(/block$/);
    await heldOff("inhibited", /^the backup \(pid \d+\) holds off shutdown and sleep: nightly$/, end);
  });
});

await describeLab("a host without logind is held off by who is in utmp", () => {
  const name = `utmp-${process.pid % 1000}`;
  let payload: Payload;
  let host: Host;

  beforeAll(async () => {
    payload = await stagePayload();
    host = hostOf(await up({ name, hosts: 1, init: "sysvinit", payload: payload.directory }), 1);
    await execOk(host, ["useradd", "--create-home", "alice"]);
    await execOk(host, ["sh", "-c", "mkdir -p /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519"]);
    const key = await execOk(host, ["cat", "/root/.ssh/id_ed25519.pub"]);
    await put(host, "/home/alice/.ssh/authorized_keys", key, "644");
    await execOk(host, ["sh", "-c", "ssh-keygen -A && service ssh restart >/dev/null 2>&1 </dev/null"]);
    await put(host, "/etc/afterpatch/agent.yaml", "vetoes: { usersLoggedIn: true }\nsettle: 0s\n", "644");
    await execOk(host, ["sh", "-c", "service cron restart >/dev/null 2>&1 </dev/null"]);
    await replaceBuild(host, "/usr/sbin/cron");
  });
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  const apply = () => exec(host, ["/opt/afterpatch/bin/afterpatch-agent", ...APPLY.slice(1)]);

  test("somebody over ssh, until the logout", async () => {
    const words = ["-tt", "-oStrictHostKeyChecking=no", "-oBatchMode=yes", "alice@127.0.0.1", "echo in; exec cat"];
    const child = await spawnInside(host, ["ssh", ...words], { stdio: ["pipe", "pipe", "ignore"] });
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    const pid = async () => (await execOk(host, ["cat", "/run/crond.pid"])).trim();
    const before = await pid();
    const held = await apply();
    const message = /^alice on pts\/\d+ from 127\.0\.0\.1 is logged in \(vetoes\.usersLoggedIn\)$/;
    expect([held.code, said(held.stdout)]).toEqual([3, expect.stringMatching(message)]);
    expect(await pid()).toBe(before);
    await signalInside(child, "SIGTERM");
    await expect.poll(async () => (await apply()).code, patient).toBe(0);
    expect(await pid()).not.toBe(before);
  });
});
