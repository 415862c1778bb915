import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { controller as ended, dataDirectories, expectOneLine } from "./controller-process.ts";
import { initialised, run, serve, start, temporaryDirectory } from "./programs.ts";

// `ready`, by which the controller's unit has started only when it serves.

const { folder, fresh, copyOf } = dataDirectories();
const ready = (dataDir: string, ...args: readonly string[]) =>
  run("controller", ["ready", "--data-dir", dataDir, ...args]);
const LOG = "see its log, such as 'journalctl -u afterpatch-controller'\n";

test("one that is asked before the controller is begun answers when all ports are open", async () => {
  const dataDir = await initialised();
  const waiting = ready(dataDir, "--wait", "60s");
  const { ports, pid, stop } = await serve(dataDir);
  const { code, stdout, stderr } = await waiting;
  const said = `Serves: fleet port ${ports.fleet}, enrol port ${ports.enrol}, HTTP port ${ports.http} on loopback\n`;
  expect([code, stdout, stderr]).toEqual([0, said, ""]);
  for (const port of Object.values(ports)) {
    const socket = createConnection(port, "localhost");
    await once(socket, "connect");
    socket.destroy();
  }

  expect((await ready(dataDir, "--pid", String(pid))).code).toBe(0);
  const another = await ready(dataDir, "--pid", String(process.pid), "--wait", "10m");
  expect([another.code, another.stdout, another.stderr]).toEqual([
    4,
    "",
    `afterpatch-controller: ${dataDir}: process ${pid} serves it, not ${process.pid}; ${LOG}`,
  ]);

  process.kill(pid, "SIGSTOP"); // it takes the question, and does not answer
  const busy = await ready(dataDir);
  process.kill(pid, "SIGCONT");
  expect([busy.code, busy.stderr]).toEqual([4, `afterpatch-controller: ${dataDir}: no controller serves it; ${LOG}`]);
  await stop("SIGKILL"); // its socket stays
  expect((await ready(dataDir)).code).toBe(4);
}, 60_000);

test("it waits no longer than it is told to", async () => {
  const begun = performance.now();
  const { code, stdout, stderr } = await ready(fresh(), "--wait", "1s");
  expect(performance.now() - begun).toBeGreaterThanOrEqual(1_000);
  expect([code, stdout, stderr]).toEqual([
    4,
    "",
    `afterpatch-controller: ${fresh()}: no controller serves it after 1s; ${LOG}`,
  ]);
}, 20_000);

test("a process that ends without serving is not waited for", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void holder.close());
  await once(holder, "listening");
  const taken = holder.address();
  if (taken === null || typeof taken === "string") throw new Error("no port");
  const dataDir = await initialised();
  const ports = ["--listen", "127.0.0.1", "--port", String(taken.port), "--enrol-port", "0", "--http-port", "0"];
  const child = start("controller", ["serve", "--data-dir", dataDir, ...ports]);
  const { pid = 0 } = child;
  const { code, stderr } = await ready(dataDir, "--pid", String(pid), "--wait", "10m");
  expect([code, stderr]).toEqual([
    4,
    `afterpatch-controller: ${dataDir}: process ${pid} has ended and does not serve it; ${LOG}`,
  ]);
}, 20_000);

test.each<[string, readonly string[], RegExp]>([
  ["a wait without a unit", ["--wait", "60"], /--wait: '60' is not a duration; write a whole number and s, m, h or d/],
  ["a wait below nothing", ["--wait=-1s"], /--wait: '-1s' is not a duration/],
  ["process 0", ["--pid", "0"], /--pid: '0' is no whole number from 1 to 4194304; give one/],
  ["a name of a process", ["--pid", "init"], /--pid: 'init' is no whole number/],
  ["an unknown option", ["--timeout", "5s"], /Unknown argument: timeout/],
])("%s", (_name, args, message) => {
  expectOneLine(ended(["ready", "--data-dir", fresh(), ...args]), 5, message);
});

test("a directory that init did not make, or that somebody else has", () => {
  expectOneLine(
    ended(["ready", "--data-dir", join(folder(), "none")]),
    5,
    /none: no controller here; run .* init' first/,
  );
  const foreign = copyOf();
  mkdirSync(join(foreign, "run"), { mode: 0o700 }); // as a controller makes it
  const asked = ended(["ready", "--data-dir", foreign, "--wait", "10m"], { uid: 12_345 });
  expectOneLine(asked, 5, /its controller cannot be asked: permission denied; run as the user that it runs as/);
});

test("a directory whose path is too long for a socket is told at once", async () => {
  const dataDir = join(await temporaryDirectory(), "d".repeat(90));
  mkdirSync(join(dataDir, "ca"), { recursive: true });
  const { status, stderr } = ended(["ready", "--data-dir", dataDir, "--wait", "10m"]);
  expect([status, stderr.replace(/^.*: the path/, "the path")]).toEqual([
    5,
    "the path of its socket is too long; give the directory a path of at most 90 bytes\n",
  ]);
});
