import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLab } from "./describe.ts";
import { replaceBuild } from "./rebuild.ts";
import { stageFor } from "./remedies/applications.ts";
import { openSession, type Session } from "./session.ts";
import { untilListening } from "./super-server.ts";
import { openTerminal } from "./terminal.ts";

const FOLDER = "/usr/lib/x86_64-linux-gnu";
const PRELOAD = `LD_PRELOAD=${FOLDER}/libwrap.so.0`;
const patient = { timeout: 60_000, interval: 100 };
const AGENT = "/opt/afterpatch/bin/afterpatch-agent";

await describeLab("users of one library that was upgraded", () => {
  const stage = stageFor(`libs-${process.pid % 1000}`, "systemd");
  const { set, clear, sh, put, host, bring, pids, apply, raw } = stage;
  const open: Session[] = [];

  const session = async (port: number) => {
    const opened = await openSession(stage.lab(), host(), port, { timeoutMs: 30_000 });
    open.push(opened);
    return opened;
  };
  const rule = (name: string, environment = {}) => ({
    name,
    match: { executable: `/opt/${name}/${name}`, user: "shop" },
    start: { command: [`/opt/${name}/${name}`, `/opt/${name}/run`], environment },
  });
  const service = (id: string, port: number, attributes: string) =>
    put(
      `/etc/xinetd.d/${id}`,
      `service ${id}\n{\ntype = UNLISTED\nport = ${port}\nsocket_type = stream\nprotocol = tcp\nwait = no\nuser = root\nserver = /opt/${id}/imapd\n${attributes}\n}\n`,
    );
  const mainPid = (unit: string) => sh('systemctl show --value --property=MainPID "$1"', unit);
  const invocation = (unit: string) => sh('systemctl show --value --property=InvocationID "$1"', unit);
  const dryRun = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await raw("apply", ...args, "--dry-run", "-o", "json");
    if (code !== 0) throw new Error(stderr);
    // As its schema says, which other tests check.
    const { steps } = JSON.parse(stdout) as { readonly steps: readonly { readonly id: string }[] };
    return steps.map(({ id }) => id);
  };

  const USERS = [
    "end-session:wrapped",
    "relaunch-application:shop",
    "restart-service:ssh.service",
    "restart-service:xinetd.service",
  ];
  const sessions: Record<string, Session> = {};
  let untouched: Readonly<Record<string, string>>;

  beforeAll(async () => {
    await set();
    await stage.rules(rule("shop", { LD_PRELOAD: `${FOLDER}/libwrap.so.0` }), rule("other"));
    for (const app of ["shop", "loose", "other"]) await bring(app);
    await sh("for one in wrapped plain; do mkdir /opt/$one; cp /usr/sbin/imapd /opt/$one; done");
    await service("wrapped", 5143, `env = ${PRELOAD}`);
    await service("plain", 5144, "");
    await sh(
      "cp /bin/sleep /opt/another; systemd-run --quiet --unit=another /opt/another 100000; systemctl reload xinetd",
    );
    await untilListening(host(), 5143, 5144);
    sessions.old = await session(5143);
    sessions.plain = await session(5144);
    await stage.startWith(PRELOAD, "shop", "shop");
    await stage.startWith(PRELOAD, "loose", "bob");
    await stage.start("other", "shop");
    await replaceBuild(host(), await sh(`readlink -f ${FOLDER}/libwrap.so.0`));
    sessions.fresh = await session(5143);
    for (const path of ["/opt/another", "/opt/other/other", "/opt/plain/imapd"]) await replaceBuild(host(), path);
    untouched = {
      another: await mainPid("another.service"),
      other: (await pids("other")).join(),
      loose: (await pids("loose")).join(),
    };
  });
  afterAll(async () => {
    for (const one of open) await one.close();
    await clear();
  });

  test.each([
    ["a glob", ["--library", "libwrap.so*"], USERS],
    ["a path that is a link", ["--library", `${FOLDER}/libwrap.so.0`], USERS],
    ["a package", ["--package", "libwrap0"], USERS],
    [
      "a package and a library of another",
      ["--package", "libwrap0", "--library", "another"],
      [...USERS, "restart-service:another.service"],
    ],
    ["one kind of step", ["--library", "libwrap.so*", "--only", "end-session"], ["end-session:wrapped"]],
    ["one unit", ["--library", "libwrap.so*", "--unit", "ssh"], ["restart-service:ssh.service"]],
    ["a unit that does not use it", ["--library", "libwrap.so*", "--unit", "another"], []],
  ])("%s chooses its users, each by its own row", async (_name, args, expected) => {
    expect((await dryRun(...args)).sort()).toEqual([...expected].sort());
  });

  test.each([
    ["a library that nobody has mapped", ["--library", "libwarp.so.0"], "libwrap.so.0.7.6"],
    ["a glob that no mapped library matches", ["--library", "libwarp.so*"], "libwrap.so.0.7.6"],
    ["a package that is not installed", ["--package", "libwarp0"], "libwrap0"],
    ["a rule that is not there", ["--application", "shpo"], "shop"],
  ])("%s: exit code 6 and the nearest", async (_name, args, nearest) => {
    const { code, stderr } = await raw("apply", ...args, "--yes");
    expect([code, stderr]).toEqual([6, expect.stringContaining(nearest)]);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  test("a unit that only a person may touch: what is said, and what is not done", async () => {
    await replaceBuild(host(), "/usr/bin/dbus-daemon");
    const before = await mainPid("dbus.service");
    const { code, stdout } = await raw("apply", "--unit", "dbus", "--yes");
    expect([code, stdout]).toEqual([
      3,
      expect.stringContaining("\nNothing is done about:\n  dbus.service: dbus.service is never restarted"),
    ]);
    const { document } = await apply("--unit", "dbus");
    expect(document.leftOut).toMatchObject([{ name: "dbus.service", reason: expect.stringContaining("every client") }]);
    expect(await mainPid("dbus.service")).toBe(before);
  });

  test("without a terminal and without --yes nothing is done", async () => {
    const { code, stderr } = await raw("apply", "--library", "libwrap.so*");
    expect([code, stderr]).toEqual([5, expect.stringContaining("add --yes to act")]);
    expect(await dryRun("--library", "libwrap.so*")).toHaveLength(USERS.length);
  });

  test("apply --library 'libwrap.so*' acts on exactly those, on a terminal after a yes, with one line that changes", async () => {
    const before = {
      ssh: await invocation("ssh.service"),
      xinetd: await invocation("xinetd.service"),
      shop: await pids("shop"),
    };
    const terminal = await openTerminal(host(), `${AGENT} apply --library 'libwrap.so*' --settle 2s`);
    await expect.poll(terminal.shown, patient).toContain("Carry out these 4 steps? [y/N]");
    terminal.type("y\r");
    const code = await terminal.ended;
    const stdout = terminal.shown();
    const drawn = stdout.split("\r\u001b[K").join("\n");
    expect(drawn).toMatch(/^\d+ s {2}1\/4 end-session wrapped: waiting for its old sessions to end/m);
    expect(drawn).toMatch(/^0 s {2}waiting 2s for everything to settle$/m);
    expect(drawn).toMatch(/^1 s {2}waiting 2s for everything to settle$/m);
    expect(stdout).toContain("done     relaunch-application shop: halted 1 old instance of shop, launched it as shop");
    const table = stdout.slice(stdout.indexOf("Processes that ran old code, before and after:")).replaceAll("\r", "");
    expect(table).toMatch(/^ {2}ssh\.service +\d+ +0$/m);
    expect(table).toMatch(/^ {2}wrapped \(xinetd\) +1 +0$/m);
    expect(table).toMatch(/^ {2}\/opt\/loose\/loose \(application\) +1 +1$/m);
    expect(table).toMatch(/^ {2}another\.service +1 +1$/m);
    expect(stdout).toMatch(/Nothing is done about:\r?\n {2}\/opt\/loose\/loose: .*ask bob, who runs it/);
    expect(code).toBe(0);

    expect(await invocation("ssh.service")).not.toBe(before.ssh);
    expect(await invocation("xinetd.service")).not.toBe(before.xinetd);
    expect(await pids("shop")).toHaveLength(1);
    expect(await pids("shop")).not.toEqual(before.shop);
    await sessions.old?.ended();
    expect([sessions.plain?.isOpen(), sessions.fresh?.isOpen()]).toEqual([true, true]);
    expect({
      another: await mainPid("another.service"),
      other: (await pids("other")).join(),
      loose: (await pids("loose")).join(),
    }).toEqual(untouched);
  });

  test("once more: only what a person has to do is left, and is named", async () => {
    const { code, document } = await apply("--library", "libwrap.so*");
    expect([code, document.steps]).toEqual([0, []]);
    expect(document.leftOut).toMatchObject([{ name: "/opt/loose/loose", reason: expect.stringContaining("ask bob") }]);
    const strict = await apply("--library", "libwrap.so*", "--fail-on-residue");
    expect(strict.code).toBe(4);
  });
});
