import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLab } from "./describe.ts";
import { installedVersion, reinstallLibssl, upgradeImapd, upgradeLibssl } from "./errata.ts";
import { bootId, exec, execOk, type Host, leader, reboot, signalInside, spawnInside } from "./host.ts";
import { down, find, hostOf, type Lab, up } from "./lab.ts";
import { cutOff, namespaces, reconnect } from "./network.ts";
import { readOrUndefined } from "./processes.ts";
import { openSession } from "./session.ts";
import { execOnSwitch } from "./switch.ts";

const name = `test-${process.pid}`;
const patient = { timeout: 20_000 };

await describeLab("a lab of two hosts", () => {
  let payload: string;
  let lab: Lab;
  let web01: Host;
  let web02: Host;

  beforeAll(async () => {
    payload = await mkdtemp(join(tmpdir(), "afterpatch-payload-"));
    await writeFile(join(payload, "VERSION"), "0.1.0\n");
    lab = await up({ name, hosts: 2, payload });
    web01 = hostOf(lab, 1);
    web02 = hostOf(lab, "web02");
  });

  afterAll(async () => {
    await down(name);
    await rm(payload, { recursive: true, force: true });
  });

  test("hosts have boot ids of their own", async () => {
    const file = "/proc/sys/kernel/random/boot_id";
    const ids = await Promise.all(lab.hosts.map((host) => execOk(host, ["cat", file])));
    expect(new Set([...ids, await readFile(file, "utf8")]).size).toBe(3);
    expect(ids[0]).toBe(`${await bootId(web01)}\n`);
  });

  test("a command's output, input and exit code come through", async () => {
    const command = ["sh", "-c", "cat; hostname >&2; exit 7"];
    expect(await exec(web02, command, { input: "said" })).toEqual({ code: 7, stdout: "said", stderr: "web02\n" });
  });

  test("a command that outlives its deadline is killed inside the host", async () => {
    await expect(exec(web01, ["sleep", "1000"], { timeoutMs: 300 })).rejects.toMatchObject({ code: "timeout" });
    await expect.poll(async () => (await exec(web01, ["pgrep", "-x", "sleep"])).code, patient).toBe(1);
  });

  test("a signal reaches a command that is left running", async () => {
    const child = await spawnInside(web01, ["sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done"]);
    const ended = once(child, "exit");
    expect(String(child.stdout && (await once(child.stdout, "data")))).toBe("ready\n");
    expect(await signalInside(child, "SIGTERM")).toBe(true);
    expect(await ended).toEqual([3, null]);
  });

  test("sshd, xinetd and cron run as services of each host", async () => {
    for (const host of lab.hosts) {
      const services = await execOk(host, ["systemctl", "is-active", "ssh.service", "xinetd.service", "cron.service"]);
      expect(services).toBe("active\nactive\nactive\n");
      expect(await execOk(host, ["systemctl", "is-system-running"])).toBe("running\n");
      const path = await execOk(host, ["cat", `/proc/${await mainPid(host, "ssh.service")}/cgroup`]);
      expect(path).toContain("/system.slice/ssh.service");
    }
  });

  test("hosts and the switch reach each other by name, and nobody else", async () => {
    expect(await execOk(web01, ["getent", "hosts", "ctl.example.net"])).toContain("10.77.0.254");
    expect((await exec(web01, reaches("web02", 22))).code).toBe(0);
    expect((await execOnSwitch(lab, reaches("web01", 22))).code).toBe(0);
    expect((await exec(web01, reaches("192.0.2.1", 80))).stderr).toContain("Network is unreachable");
  });

  test("a host that is cut off goes on without its network", async () => {
    await cutOff(web02);
    expect((await exec(web01, ["timeout", "1", ...reaches("web02", 22)])).code).not.toBe(0);
    expect((await exec(web02, ["true"])).code).toBe(0);
    await reconnect(web02);
    await expect.poll(async () => (await exec(web01, ["timeout", "1", ...reaches("web02", 22)])).code, patient).toBe(0);
  });

  test("all hosts see the payload and cannot change it", async () => {
    expect(await execOk(web01, ["cat", "/opt/afterpatch/VERSION"])).toBe("0.1.0\n");
    expect((await exec(web01, ["touch", "/opt/afterpatch/VERSION"])).stderr).toContain("Read-only file system");
  });

  test("a libssl upgrade leaves the old library in sshd and nothing in cron", async () => {
    expect(await deletedLibraries(web01, "ssh.service")).toEqual([]);
    const before = await installedVersion(web01, "libssl3");
    const { old, newest } = await upgradeLibssl(web01);
    expect([before, await installedVersion(web01, "libssl3")]).toEqual([old, newest]);
    expect(await deletedLibraries(web01, "ssh.service")).toContain("/usr/lib/x86_64-linux-gnu/libcrypto.so.3");
    expect(await deletedLibraries(web01, "cron.service")).toEqual([]);
    expect(await installedVersion(web02, "libssl3")).toBe(old);
  });

  test("the same libssl installed again has the same bytes and another inode", async () => {
    const library = "/usr/lib/x86_64-linux-gnu/libcrypto.so.3";
    const read = async () => ({
      inode: await execOk(web02, ["stat", "--format=%i", library]),
      bytes: await execOk(web02, ["sha256sum", library]),
    });
    const before = await read();
    await reinstallLibssl(web02);
    const after = await read();
    expect(after.bytes).toBe(before.bytes);
    expect(after.inode).not.toBe(before.inode);
  });

  test("a session keeps its build of imapd over an upgrade, and a new one has the new", async () => {
    const old = await openSession(lab, web01, 143);
    expect(old.greeting).toBe("* OK imapd 1.0 ready");
    await upgradeImapd(web01);
    expect(await old.ask("a NOOP")).toMatch(/^\* imapd 1\.0 pid \d+: a NOOP$/);
    expect(old.isOpen()).toBe(true);
    const fresh = await openSession(lab, web01, 143);
    expect(fresh.greeting).toBe("* OK imapd 1.1 ready");
    await execOk(web01, ["pkill", "-o", "-x", "imapd"]);
    await old.ended();
    expect([old.isOpen(), fresh.isOpen()]).toEqual([false, true]);
    await fresh.close();
    expect(fresh.isOpen()).toBe(false);
  });

  test("a rebooted host has a new boot id, its disk and its network", async () => {
    const before = await bootId(web01);
    const agent = await spawnInside(web01, ["sleep", "1000"]);
    const ended = once(agent, "exit");
    await reboot(web01);
    expect(await bootId(web01)).not.toBe(before);
    expect(await ended).toEqual([128 + 15, null]);
    expect(await deletedLibraries(web01, "ssh.service")).toEqual([]);
    expect((await openSession(lab, web01, 143)).greeting).toBe("* OK imapd 1.1 ready");
  });

  test("a half-made lab whose maker died is removed by another process", async () => {
    const half = `${name}-half`;
    const maker = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), "up", "2", "--name", half]);
    const ended = once(maker, "exit");
    const switched = `afterpatch.${half}.web02`;
    await expect.poll(async () => (await namespaces()).includes(switched), patient).toBe(true);
    maker.kill("SIGKILL");
    await ended;
    const made = await find(half);
    expect(await down(half)).toBe(true);
    expect(made && (await traces(made))).toEqual({ namespaces: [], files: [], mounts: [], cgroups: [] });
  });

  test("a second lab of the same name is refused and the first goes on", async () => {
    await expect(up({ name, hosts: 1 })).rejects.toMatchObject({ code: "already-up" });
    expect(await leader(web02)).toBeDefined();
  });

  test("down leaves no namespace, mount, cgroup or process", async () => {
    const session = await openSession(lab, web02, 143);
    expect(Object.values(await traces(lab)).filter((found) => found.length === 0)).toEqual([]);
    expect(await down(name)).toBe(true);
    expect(await traces(lab)).toEqual({ namespaces: [], files: [], mounts: [], cgroups: [] });
    await session.ended();
    expect(await find(name)).toBeUndefined();
    expect(await down(name)).toBe(false);
  });
});

function reaches(host: string, port: number): readonly string[] {
  return ["bash", "-c", `exec 3<>/dev/tcp/${host}/${port}`];
}

async function mainPid(host: Host, unit: string): Promise<string> {
  return (await execOk(host, ["systemctl", "show", "--property=MainPID", "--value", unit])).trim();
}

async function deletedLibraries(host: Host, unit: string): Promise<readonly string[]> {
  const maps = await execOk(host, ["cat", `/proc/${await mainPid(host, unit)}/maps`]);
  return maps.split("\n").flatMap((line) => /r-xp .* (\/\S+) \(deleted\)$/.exec(line)?.[1] ?? []);
}

/** What there is of a lab on this machine. A process of a host would show in its mounts. */
async function traces({ directory, switchNamespace }: Lab) {
  const processes = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const mounts = await Promise.all(
    processes.map(async (pid) => {
      const table = (await readOrUndefined(`/proc/${pid}/mountinfo`)) ?? "";
      return table.includes(`${directory}/`) || table.includes(switchNamespace) ? [pid] : [];
    }),
  );
  const cgroups = await readdir("/sys/fs/cgroup", { recursive: true });
  return {
    namespaces: (await namespaces()).filter((entry) => entry.startsWith(switchNamespace)),
    files: [directory, join("/etc/netns", switchNamespace)].filter((path) => existsSync(path)),
    mounts: mounts.flat(),
    cgroups: cgroups.filter((path) => path.includes(switchNamespace)),
  };
}
