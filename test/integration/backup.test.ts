import { execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import { toAgentFromWire } from "@afterpatch/wire/convert/session";
import { controllerClient } from "@afterpatch/wire/credentials";
import { open, received } from "@afterpatch/wire/rpc";
import { agentService } from "@afterpatch/wire/services";
import { parseToken } from "@afterpatch/wire/token";
import { expect, onTestFinished, test } from "vitest";
import { cli } from "./cli-process.ts";
import { initialised, newToken, type RunningController, run, serve, temporaryDirectory, until } from "./programs.ts";

// Copies of a controller's data while it runs, and the controller that goes on with one.

const at = (dataDir: string, port: number, ...args: readonly string[]) =>
  cli([...args, "--controller", `localhost:${port}`, "--credentials", join(dataDir, "admin")]).ended;

async function join1(controller: RunningController, name: string) {
  const token = parseToken(await newToken(controller));
  if (!token) throw new Error("the controller made no token");
  const address = { host: "localhost", port: controller.ports.enrol };
  const stateDir = await temporaryDirectory();
  return enroll({ controller: address, token, name, labels: {}, stateDir, agentVersion: "0", now: Date.now });
}

/** The epoch that a host is welcomed with. */
async function epochFor(port: number, identity: Awaited<ReturnType<typeof join1>>): Promise<number> {
  const client = controllerClient({ host: "localhost", port }, identity);
  const stream = open(client, agentService.connect);
  stream.on("error", () => undefined); // our own cancelling
  onTestFinished(() => client.close());
  for await (const message of received(stream)) {
    const told = toAgentFromWire(message);
    if (told.kind === "welcome") {
      stream.cancel();
      return told.epoch;
    }
  }
  throw new Error("not welcomed");
}

const backup = (dataDir: string, out: string) => run("controller", ["backup", "--data-dir", dataDir, "--out", out]);
const restore = (from: string, to: string) => run("controller", ["restore", "--from", from, "--data-dir", to]);

test("a copy that is made while the controller runs and works is whole, and the fleet goes on with it, frozen", async () => {
  const dataDir = await initialised();
  const first = await serve(dataDir);
  const identity = await join1(first, "web01");
  const epoch = await epochFor(first.ports.fleet, identity);
  let orders = 0;
  const busy = { stop: false };
  const working = (async () => {
    while (!busy.stop) {
      const { code } = await at(dataDir, first.ports.fleet, "cordon", "web01", "--reason", `order ${++orders}`);
      expect(code).toBe(0);
    }
  })();
  await until(() => orders > 2);
  const out = join(await temporaryDirectory(), "backup");
  const made = await backup(dataDir, out);
  expect([made.code, made.stderr]).toEqual([0, ""]);
  expect(made.stdout).toMatch(
    /^Backup of 1 host is in \S+; it holds the CA's private keys\nAudit head \d+:[0-9a-f]{64}\n$/,
  );
  busy.stop = true;
  await working;
  expect(readdirSync(join(dataDir, "run")).filter((name) => name.startsWith("copy-"))).toEqual([]);
  for (const name of ["controller.db", "manifest.json", "ca/root.key", "ca/issuing.pem"])
    expect([name, statSync(join(out, name)).mode & 0o777]).toEqual([name, 0o600]);
  await at(dataDir, first.ports.fleet, "hosts", "revoke", "web01", "--reason", "after the backup", "--yes");
  await first.stop("SIGKILL");

  const next = join(await temporaryDirectory(), "controller");
  const restored = await restore(out, next);
  expect([restored.code, restored.stderr]).toEqual([0, ""]);
  expect(restored.stdout).toContain("What was revoked, enrolled and ordered since is not in it");
  const second = await serve(next);
  expect(await epochFor(second.ports.fleet, identity)).toBeGreaterThan(epoch + 1_000_000); // agents believe it, whatever they saw since
  const token = await run("controller", ["login-token", "--data-dir", next, "admin"]);
  const file = join(await temporaryDirectory(), "token");
  writeFileSync(file, token.stdout);
  const login = [
    "login",
    `localhost:${second.ports.enrol}`,
    "--token-file",
    file,
    "--credentials",
    join(next, "admin"),
  ];
  expect(await cli(login).ended).toMatchObject({ code: 0, err: "" });
  const freeze = JSON.parse((await at(next, second.ports.fleet, "freeze", "-o", "json")).out);
  expect(JSON.stringify(freeze)).toContain("restored from a backup");
  const verify = await at(next, second.ports.fleet, "audit", "verify");
  expect([verify.code, verify.err]).toEqual([0, ""]);
  const actions = JSON.parse((await at(next, second.ports.fleet, "audit", "list", "-o", "json")).out).entries;
  expect(actions.map(({ action }: { action: string }) => action)).toEqual(
    expect.arrayContaining(["controller.restore", "fleet.freeze", "host.cordon"]),
  );
}, 90_000);

test("a store that nobody serves is copied too; restored twice, the later controller has the larger epoch", async () => {
  const dataDir = await initialised();
  const out = join(await temporaryDirectory(), "backup");
  const before = await serve(dataDir);
  const token = await run("controller", ["login-token", "--data-dir", dataDir, "admin"]);
  expect([token.code, token.stdout]).toEqual([0, expect.stringMatching(/^ap1\./)]);
  await before.stop("SIGTERM");
  writeFileSync(join(dataDir, "ca/root-2025.key.gpg"), "somebody keeps it here");
  expect((await backup(dataDir, out)).code).toBe(0);
  expect(existsSync(join(out, "ca/root-2025.key.gpg"))).toBe(false);
  const epochs: number[] = [];
  for (let nth = 0; nth < 2; nth++) {
    const next = join(await temporaryDirectory(), "controller");
    expect((await restore(out, next)).code).toBe(0);
    const controller = await serve(next);
    await controller.stop("SIGTERM");
    using db = new DatabaseSync(join(next, "controller.db"));
    epochs.push(Number(db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get()?.value));
    // Tokens of the copy may have been used since.
    const open = "SELECT COUNT(*) AS n FROM tokens WHERE revoked_at IS NULL";
    expect([db.prepare("SELECT COUNT(*) AS n FROM tokens").get(), db.prepare(open).get()]).toEqual([
      { n: 1 },
      { n: 0 },
    ]);
    await new Promise((settle) => setTimeout(settle, 1_100));
  }
  expect(epochs[1]).toBeGreaterThan(epochs[0] ?? 0);
}, 60_000);

test("what cannot be copied or restored is refused in one line, and leaves nothing", async () => {
  const dataDir = await initialised();
  const good = join(await temporaryDirectory(), "backup");
  expect((await backup(dataDir, good)).code).toBe(0);
  const folder = await temporaryDirectory();
  const spoilt = (name: string, spoil: (directory: string) => void): string => {
    const directory = join(folder, name);
    cpSync(good, directory, { recursive: true });
    spoil(directory);
    return directory;
  };
  const signed = (directory: string, change: (db: DatabaseSync) => void): void => {
    const path = join(directory, "controller.db");
    {
      using db = new DatabaseSync(path);
      db.exec("PRAGMA journal_mode=DELETE");
      change(db);
    }
    const sum = execFileSync("sha256sum", [path], { encoding: "utf8" }).slice(0, 64);
    const manifest = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8"));
    manifest.files["controller.db"] = sum;
    writeFileSync(join(directory, "manifest.json"), JSON.stringify(manifest));
  };
  const rows: readonly [string, RegExp][] = [
    [
      join(folder, "nothing"),
      /manifest\.json: cannot be read: it does not exist; name the directory that 'backup' made/,
    ],
    [spoilt("text", (at) => writeFileSync(join(at, "manifest.json"), "x")), /is no manifest of a backup/],
    [spoilt("byte", (at) => appendFileSync(join(at, "ca/root.crt"), "x")), /root\.crt: is not as it was written/],
    [spoilt("gone", (at) => rmSync(join(at, "ca/issuing.pem"))), /issuing\.pem: cannot be read: it does not exist/],
    [
      spoilt("outside", (at) => {
        const manifest = JSON.parse(readFileSync(join(at, "manifest.json"), "utf8"));
        manifest.files["../../etc/passwd"] = "x";
        writeFileSync(join(at, "manifest.json"), JSON.stringify(manifest));
      }),
      /is no manifest of a backup/,
    ],
    [
      spoilt("forged", (at) =>
        signed(at, (db) => {
          db.exec("DROP TRIGGER audit_stays; UPDATE audit SET actor = 'user/eve' WHERE seq = 1");
          db.exec(
            "CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
          );
        }),
      ),
      /its audit log is broken at entry 1/,
    ],
    [
      spoilt("newer", (at) => signed(at, (db) => db.exec("PRAGMA user_version=1000"))),
      /run the newer afterpatch-controller/,
    ],
  ];
  for (const [from, said] of rows) {
    const target = join(folder, "restored");
    const { code, stdout, stderr } = await restore(from, target);
    expect([from, stderr]).toEqual([from, expect.stringMatching(said)]);
    expect([code === 0, stdout, stderr.split("\n").length, existsSync(target)]).toEqual([false, "", 2, false]);
  }
  expect((await restore(good, dataDir)).stderr).toMatch(/a CA is there already/);
  expect((await backup(dataDir, good)).stderr).toMatch(/a CA is there already|not empty/);
  expect((await backup(folder, join(folder, "x"))).stderr).toMatch(/no controller here/);
  expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
}, 60_000);

test("a disk without room for the copy: one line, and nothing is left on it", async () => {
  const dataDir = await initialised();
  const small = await temporaryDirectory();
  // In a mount namespace of its own: it is gone with the program.
  const script = `mount -t tmpfs -o size=40k none ${small} && sh test/node.sh packages/controller/src/main.ts backup --data-dir ${dataDir} --out ${small}/out; code=$?; ls -A ${small}; exit $code`;
  const ended = await new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    const child = spawn("unshare", ["--mount", "sh", "-c", script], { cwd: join(import.meta.dirname, "../..") });
    let [out, err] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    child.on("close", (code) => resolve({ code, out, err }));
  });
  expect([ended.code, ended.out]).toEqual([5, ""]);
  expect(ended.err).toMatch(/^afterpatch-controller: [^\n]*(?:disk is full|no space)[^\n]*; free some space\n$/i);
}, 30_000);

/** A controller of which the n-th fsync or fdatasync of the store fails, as strace(1) injects it. */
async function withFailingSync(dataDir: string, nth: number): Promise<RunningController> {
  const inject = `inject=fsync,fdatasync:error=EIO:when=${nth}+`;
  const wal = join(dataDir, "controller.db-wal");
  return serve(dataDir, [], ["strace", "-f", "-qq", "-o", "/dev/null", "-P", wal, "-e", inject]);
}

test("a failed fsync ends the controller; what it had answered is there when it is started again", async () => {
  const dataDir = await initialised();
  const first = await withFailingSync(dataDir, 6);
  let done = 0;
  let failed = "";
  while (failed === "" && done < 50) {
    const { code, err } = await at(dataDir, first.ports.fleet, "freeze", "on", "--reason", `order ${done + 1}`);
    if (code === 0) done += 1;
    else failed = err;
  }
  expect(done).toBeLessThan(50);
  expect(done).toBeGreaterThan(0);
  expect(await first.ended).toBe(1);
  expect(first.output()).toContain("store is broken: the controller ends");
  const second = await serve(dataDir);
  const entries = JSON.parse((await at(dataDir, second.ports.fleet, "audit", "list", "-o", "json")).out).entries;
  const orders = entries.filter(({ action }: { action: string }) => action === "fleet.freeze");
  // Every order that was answered; of the last one, which was not, nobody claims anything.
  expect(orders.length).toBeGreaterThanOrEqual(done);
  expect(orders.length).toBeLessThanOrEqual(done + 1);
  expect((await at(dataDir, second.ports.fleet, "audit", "verify")).code).toBe(0);
}, 90_000);

test("a full disk: orders are refused with that word, looks go on, and so does everything when there is room again", async () => {
  const disk = await temporaryDirectory();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "afterpatch-test", disk]);
  onTestFinished(() => void execFileSync("umount", ["--lazy", disk]));
  const dataDir = join(disk, "controller");
  cpSync(await initialised(), dataDir, { recursive: true });
  const controller = await serve(dataDir);
  const order = (reason: string) => at(dataDir, controller.ports.fleet, "freeze", "on", "--reason", reason);
  expect((await order("before")).code).toBe(0);
  fill(join(disk, "filler"));
  let refused = await order("meanwhile");
  for (let nth = 0; refused.code === 0 && nth < 50; nth++) refused = await order("meanwhile"); // the log had room in it
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringContaining("the store of the controller: disk is full"),
  ]);
  expect(refused.err.split("\n").length).toBe(2);
  expect((await at(dataDir, controller.ports.fleet, "audit", "verify")).code).toBe(0);
  expect((await at(dataDir, controller.ports.fleet, "status")).code).toBe(0);
  rmSync(join(disk, "filler"));
  expect((await order("after")).code).toBe(0);
  await controller.stop("SIGKILL");
  const again = await serve(dataDir);
  const freeze = await at(dataDir, again.ports.fleet, "freeze", "-o", "json");
  expect(freeze.out).toContain('"after"');
}, 90_000);

/** Takes all the room there is. */
function fill(path: string): void {
  const piece = Buffer.alloc(4096);
  for (;;) {
    try {
      appendFileSync(path, piece);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOSPC") return;
      throw error;
    }
  }
}

test("in a directory whose path is too long for a socket the controller works, and is copied when it is stopped", async () => {
  const dataDir = join(await temporaryDirectory(), "d".repeat(90), "controller");
  const names = ["--name", "localhost", "--name", "127.0.0.1"];
  expect((await run("controller", ["init", "--data-dir", dataDir, ...names])).code).toBe(0);
  const controller = await serve(dataDir);
  await until(() => controller.output().includes("local commands do not reach this controller"));
  expect((await at(dataDir, controller.ports.fleet, "status")).code).toBe(0);
  const out = join(await temporaryDirectory(), "backup");
  const refused = await backup(dataDir, out);
  expect([refused.code === 0, refused.stderr]).toEqual([
    false,
    expect.stringContaining("store is in use by another controller"),
  ]);
  await controller.stop("SIGTERM");
  expect((await backup(dataDir, out)).code).toBe(0);
}, 30_000);
