import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { call } from "@afterpatch/wire/rpc";
import { controlService } from "@afterpatch/wire/services";
import { expect, onTestFinished, test } from "vitest";
import { dataDirectory } from "./in-process.ts";
import { adminClient, type Ended, initialised, run, serve, start, temporaryDirectory, until } from "./programs.ts";

function expectRefused(ended: Ended, code: number, message: RegExp): void {
  expect(ended.stderr).toMatch(message);
  expect(ended.stderr).toMatch(/^afterpatch-controller: [^\n]+; [^\n]+\n$/);
  expect(ended).toMatchObject({ code, stdout: "" });
}

const init = (dataDir: string, ...args: string[]) => run("controller", ["init", "--data-dir", dataDir, ...args]);
const serveOnce = (dataDir: string, ...args: string[]) =>
  run("controller", [
    "serve",
    "--data-dir",
    dataDir,
    ...["--port", "0", "--enrol-port", "0", "--http-port", "0"],
    ...args,
  ]);

test("init makes everything, readable by its owner alone, and never runs twice", async () => {
  const dataDir = await initialised();
  const names = (await readdir(dataDir, { recursive: true })).sort();
  expect(names).toEqual([
    "admin",
    "admin/ca.crt",
    "admin/controller",
    "admin/enrol",
    "admin/operator.crt",
    "admin/operator.key",
    "ca",
    "ca/issuing.pem",
    "ca/root.crt",
    "ca/root.key",
    "ca/server.pem",
    "controller.db",
  ]);
  for (const name of ["", ...names]) {
    const found = await stat(join(dataDir, name));
    expect([name, found.mode & 0o777]).toEqual([name, found.isDirectory() ? 0o700 : 0o600]);
  }
  expect(await readFile(join(dataDir, "admin/controller"), "utf8")).toBe("localhost:7443\n");
  const root = await readFile(join(dataDir, "ca/root.crt"), "utf8");
  expectRefused(await init(dataDir, "--name", "localhost"), 5, /a CA is there already/);
  expect(await readFile(join(dataDir, "ca/root.crt"), "utf8")).toBe(root);
});

test("init refuses what it cannot use, and leaves it as it was", async () => {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, "file"), "mine");
  expectRefused(await init(directory, "--name", "localhost"), 5, /not empty; name an empty or new directory/);
  expectRefused(await init(join(directory, "file"), "--name", "localhost"), 5, /not a directory/);
  expectRefused(await init(join(directory, "new")), 5, /--name is missing/);
  expectRefused(await init(join(directory, "new"), "--name", "not a name"), 5, /not a DNS name or IP address/);
  expectRefused(
    await init(join(directory, "new"), "--name", "a", "--port", "x"),
    5,
    /--port: 'x' is no whole number from 1 to 65535/,
  );
  expectRefused(await init(join(directory, "new"), "--name", "a", "--port", "7444"), 5, /same as --port/);
  expect(await readdir(directory)).toEqual(["file"]);
});

test("an init that is killed at any moment leaves nothing, or everything", async () => {
  const parent = await temporaryDirectory();
  const began = Date.now();
  await init(join(parent, "timing"), "--name", "localhost");
  const wholeMs = Date.now() - began;
  for (let i = 1; i <= 8; i++) {
    const dataDir = join(parent, `d${i}`);
    const child = start("controller", ["init", "--data-dir", dataDir, "--name", "localhost"]);
    const ended = new Promise((settle) => child.once("exit", settle));
    // The later half is where the files are written.
    const timer = setTimeout(() => child.kill("SIGKILL"), wholeMs * (0.5 + i / 16));
    await ended;
    clearTimeout(timer);
    if (existsSync(dataDir)) expect((await readdir(dataDir)).sort()).toEqual(["admin", "ca", "controller.db"]);
    else expect(await init(dataDir, "--name", "localhost")).toMatchObject({ code: 0 });
  }
  expect((await readdir(parent)).filter((name) => name.startsWith("."))).toEqual([]);
});

test("serve answers until SIGTERM, and then again with a larger epoch", async () => {
  const dataDir = await initialised();
  const first = await serve(dataDir);
  const answer = await fetch(`http://127.0.0.1:${first.ports.http}/healthz`);
  expect([answer.status, await answer.text()]).toEqual([200, "ok\n"]);
  expect((await fetch(`http://127.0.0.1:${first.ports.http}/`)).status).toBe(404);
  const client = await adminClient(dataDir, first.ports.fleet);
  const wish = { uses: 1, expiresMs: 60_000, labels: {} };
  await expect(call(client, controlService.createToken, wish, 5_000)).resolves.toBeDefined();
  expect(await first.stop("SIGTERM")).toBe(0);
  expect(await readdir(join(dataDir, "run"))).toEqual([]);
  expect(epochOf(dataDir)).toBe(1);
  const second = await serve(dataDir, ["--listen", "127.0.0.1"]);
  expect(await second.stop("SIGINT")).toBe(0);
  expect(epochOf(dataDir)).toBe(2);
});

function epochOf(dataDir: string): number {
  using db = new DatabaseSync(join(dataDir, "controller.db"), { readOnly: true });
  return Number(db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get()?.value);
}

test("a second controller on the same store is refused; kill -9 frees it", async () => {
  const dataDir = await initialised();
  const first = await serve(dataDir);
  expectRefused(await serveOnce(dataDir), 1, /store is in use by another controller; stop it first/);
  process.kill(first.pid, "SIGKILL");
  await until(() => !existsSync(`/proc/${first.pid}`));
  const second = await serve(dataDir);
  expect(await second.stop("SIGTERM")).toBe(0);
});

test.each([
  ["garbage", (path: string) => writeFile(path, "this is no database ".repeat(1000)), /not a store of afterpatch/],
  ["an empty file", (path: string) => writeFile(path, ""), /not a store of afterpatch/],
  ["another program's database", otherDatabase, /not a store of afterpatch/],
  ["a newer version", newerDatabase, /store has version 1000, this program knows up to \d+; run the newer/],
  ["a damaged page", damagedDatabase, /store is corrupt; restore it from a backup/],
] as const)("serve refuses a store that is %s", async (_name, spoil, message) => {
  const dataDir = await dataDirectory();
  await spoil(join(dataDir, "controller.db"));
  expectRefused(await serveOnce(dataDir), 1, message);
});

async function otherDatabase(path: string): Promise<void> {
  await writeFile(path, "");
  using db = new DatabaseSync(path);
  db.exec("CREATE TABLE songs (title TEXT)");
}

async function newerDatabase(path: string): Promise<void> {
  using db = new DatabaseSync(path);
  db.exec("PRAGMA user_version=1000");
}

async function damagedDatabase(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes.fill(0xa5, 8 * 4096, 9 * 4096);
  await writeFile(path, bytes);
}

test("serve refuses what it cannot use: no data, no store, a foreign key file, a port in use", async () => {
  const directory = await temporaryDirectory();
  expectRefused(await serveOnce(directory), 5, /no controller here; run 'afterpatch-controller init' first/);
  await mkdir(join(directory, "ca"));
  expectRefused(await serveOnce(directory), 5, /CA cannot be read: it does not exist/);
  const dataDir = await dataDirectory();
  const other = await dataDirectory();
  await copyFile(join(other, "ca/issuing.pem"), join(dataDir, "ca/issuing.pem"));
  expectRefused(await serveOnce(dataDir), 5, /issuing.pem: CA cannot be read: it was not issued by root.crt beside it/);
  expectRefused(
    await serveOnce(other, "--listen", "203.0.113.1"),
    5,
    /--listen 203.0.113.1: not an address of this machine; see 'ip address'/,
  );
  const port = await takenPort();
  expectRefused(await run("controller", ["serve", "--data-dir", other, "--port", `${port}`]), 5, inUse("fleet", port));
  const ports = ["--port", "0", "--enrol-port", `${port}`];
  expectRefused(await run("controller", ["serve", "--data-dir", other, ...ports]), 5, inUse("enrol", port));
  const http = ["--port", "0", "--enrol-port", "0", "--http-port", `${port}`];
  expectRefused(await run("controller", ["serve", "--data-dir", other, ...http]), 5, inUse("HTTP", port));
  expect(existsSync(join(other, "run/ports.json"))).toBe(false);
});

const inUse = (name: string, port: number) =>
  new RegExp(`${name} port ${port} on [a-z0-9. ]+: in use; stop what listens`);

async function takenPort(): Promise<number> {
  const server = createServer();
  onTestFinished(() => void server.close());
  await new Promise<void>((settle) => server.listen(0, settle));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

test("the server's certificate is made anew by serve when it is damaged, else kept", async () => {
  const dataDir = await dataDirectory();
  const path = join(dataDir, "ca/server.pem");
  const before = await readFile(path, "utf8");
  await (await serve(dataDir)).stop("SIGTERM");
  expect(await readFile(path, "utf8")).toBe(before);
  await writeFile(path, before.slice(0, 300));
  await chmod(path, 0o644);
  await (await serve(dataDir)).stop("SIGTERM");
  expect(await readFile(path, "utf8")).toMatch(
    /^-----BEGIN PRIVATE KEY-----[\s\S]+(-----BEGIN CERTIFICATE-----[\s\S]+){2}$/,
  );
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(dirname(path))).toEqual(["issuing.pem", "root.crt", "root.key", "server.pem"]);
});
