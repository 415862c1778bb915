import { X509Certificate } from "node:crypto";
import { access, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { loadIdentity } from "@afterpatch/agent/identity/identity";
import { formatToken, parseToken } from "@afterpatch/wire/token";
import { expect, test } from "vitest";
import { controllerHere } from "./in-process.ts";
import {
  type Ended,
  initialised,
  newToken,
  type RunningController,
  run,
  serve,
  type TokenWish,
  temporaryDirectory,
} from "./programs.ts";

type AnyController = Pick<RunningController, "dataDir" | "ports">;

/** Runs `afterpatch-agent enroll` with a token on standard input. */
function enroll(address: string, token: string, stateDir: string, args: readonly string[] = []): Promise<Ended> {
  const fixed = ["enroll", "--controller", address, "--token-file", "-", "--state-dir", stateDir];
  return run("agent", [...fixed, ...args], token);
}

const enrolAddress = ({ ports }: AnyController) => `localhost:${ports.enrol}`;

async function joined(controller: AnyController, name: string, wish: TokenWish = {}) {
  const stateDir = join(await temporaryDirectory(), "state");
  const token = await newToken(controller, wish);
  const ended = await enroll(enrolAddress(controller), token, stateDir, ["--name", name]);
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  return { stateDir, token };
}

function expectRefused(ended: Ended, code: number, message: RegExp): void {
  expect(ended.stderr).toMatch(message);
  expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(ended.stderr).toMatch(/^afterpatch-agent: .+: .+; .+\n$/);
  expect(ended).toMatchObject({ code, stdout: "" });
}

test("a host joins: token file, certificate, labels of both sides, modes", async () => {
  const controller = await serve(await initialised());
  const directory = await temporaryDirectory();
  const [tokenFile, stateDir] = [join(directory, "join.token"), join(directory, "state")];
  await writeFile(tokenFile, `${await newToken(controller, { labels: { role: "web" } })}\n`);
  const ended = await run("agent", [
    "enroll",
    ...["--controller", `127.0.0.1:${controller.ports.enrol}`, "--token-file", tokenFile, "--state-dir", stateDir],
    ...["--name", "web01", "--label", "zone=a", "--label", "role=web"],
  ]);
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(ended.stdout).toMatch(/^enrolled as web01 \(.+\), controller localhost:\d+\nNext: /);
  expect(ended.stdout.endsWith(`\nNext: afterpatch-agent run --state-dir ${stateDir}\n`)).toBe(true);
  const identity = await loadIdentity(stateDir);
  expect(identity).toMatchObject({
    name: "web01",
    labels: { role: "web", zone: "a" },
    fleetAddress: { host: "localhost", port: controller.ports.fleet },
  });
  const certificate = new X509Certificate(identity.cert);
  expect(certificate.subjectAltName).toBe(`URI:spiffe://afterpatch/host/${identity.hostId}`);
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  for (const [path, mode] of [
    ["identity", 0o700],
    ["identity/host.key", 0o600],
    ["identity/host.crt", 0o600],
    ["identity/ca.crt", 0o600],
    ["identity/identity.json", 0o600],
  ] as const) {
    expect((await stat(join(stateDir, path))).mode & 0o777).toBe(mode);
  }
  await access(tokenFile); // left in place
  await expect(access(join(stateDir, "enrolling.key"))).rejects.toThrow();

  const again = await enroll(enrolAddress(controller), await newToken(controller), stateDir, ["--name", "web02"]);
  expectRefused(again, 5, /already enrolled as web01 at localhost:\d+; remove .*identity/);
});

test("a token is used once, unless it says more", async () => {
  const controller = await controllerHere();
  const { token } = await joined(controller, "web01");
  const stateDir = await temporaryDirectory();
  expectRefused(await enroll(enrolAddress(controller), token, stateDir, ["--name", "web02"]), 5, /token is used up/);
  const twice = await joined(controller, "db01", { uses: 2 });
  const second = await enroll(enrolAddress(controller), twice.token, await temporaryDirectory(), ["--name", "db02"]);
  expect(second.code).toBe(0);
});

test("a lost answer: the same key asks again with the used token and is the same host", async () => {
  const controller = await controllerHere();
  const { stateDir, token } = await joined(controller, "web01");
  const before = await loadIdentity(stateDir);
  // As if the agent had been killed before it kept the answer.
  await writeFile(join(stateDir, "enrolling.key"), before.key);
  await rename(join(stateDir, "identity"), join(stateDir, "lost"));
  expect(await enroll(enrolAddress(controller), token, stateDir, ["--name", "web01"])).toMatchObject({ code: 0 });
  const after = await loadIdentity(stateDir);
  expect(after.hostId).toBe(before.hostId);
  expect(after.key).toBe(before.key);
});

test("names and labels that do not agree are refused, and the token stays good", async () => {
  const controller = await controllerHere();
  await joined(controller, "web01");
  const token = await newToken(controller, { labels: { role: "web" } });
  const stateDir = await temporaryDirectory();
  const attempt = (...args: string[]) => enroll(enrolAddress(controller), token, stateDir, args);
  expectRefused(await attempt("--name", "web01"), 5, /another host has this name; give another with --name/);
  expectRefused(await attempt("--name", "WEB01"), 5, /another host has this name/);
  expectRefused(
    await attempt("--name", "web02", "--label", "role=db"),
    5,
    /token says role=web, this host says role=db/,
  );
  expectRefused(await attempt("--name", "all"), 5, /name 'all': not a host name/);
  expectRefused(await attempt("--name", "web02", "--label", "Role"), 5, /'Role' is not KEY=VALUE/);
  expect(await attempt("--name", "web02")).toMatchObject({ code: 0, stderr: "" });
});

test("tokens that are no good: unreadable, malformed, expired, wrong, burnt", async () => {
  const controller = await controllerHere();
  const address = enrolAddress(controller);
  const stateDir = await temporaryDirectory();
  const file = (path: string) =>
    run("agent", ["enroll", "--controller", address, "--token-file", path, "--state-dir", stateDir]);
  expectRefused(await file("/nonexistent"), 5, /\/nonexistent: token cannot be read: ENOENT/);
  expectRefused(await file(stateDir), 5, /token cannot be read: EISDIR/);
  expectRefused(await enroll(address, "ap1.short", stateDir), 5, /no join token in it/);
  expectRefused(await enroll(address, "x".repeat(100_000), stateDir), 5, /no join token in it/);

  const good = await newToken(controller);
  const parsed = parseToken(good);
  if (!parsed) throw new Error("the controller made no token");
  const attempt = (change: Partial<typeof parsed>) =>
    enroll(address, formatToken({ ...parsed, ...change }), stateDir, ["--name", "web01"]);
  expectRefused(await attempt({ expiresAt: Date.now() - 1000 }), 5, /token: it expired at .*this host's clock says/);
  expectRefused(await attempt({ id: "AAAAAAAAAA" }), 5, /does not know this token/);
  for (let i = 0; i < 5; i++) {
    expectRefused(await attempt({ secret: "A".repeat(43) }), 5, /does not know this token/);
  }
  expectRefused(await attempt({}), 5, /burnt by wrong secrets/);
  const log = await controller.store.audit.page(0, 1000);
  expect(log.filter(({ action }) => action === "token.burn")).toMatchObject([
    { actor: "controller", object: parsed.id, body: '{"failures":5,"operator":null}' },
  ]);
  await expect(access(join(stateDir, "identity"))).rejects.toThrow();
});

test("the controller decides about expiry, whatever the token's text says", async () => {
  const controller = await controllerHere();
  const parsed = parseToken(await newToken(controller, { expiresMs: 1000 }));
  if (!parsed) throw new Error("the controller made no token");
  const later = formatToken({ ...parsed, expiresAt: Date.now() + 3_600_000 });
  await new Promise((settle) => setTimeout(settle, Math.max(0, parsed.expiresAt - Date.now() + 50)));
  expectRefused(await enroll(enrolAddress(controller), later, await temporaryDirectory()), 5, /token expired at/);
});

test("a controller with another CA learns nothing", async () => {
  const [ours, other] = await Promise.all([controllerHere(), controllerHere()]);
  const stateDir = join(await temporaryDirectory(), "state");
  const ended = await enroll(enrolAddress(other), await newToken(ours), stateDir, ["--name", "web01"]);
  expectRefused(ended, 5, /wrong CA: .*nothing was sent/);
  await expect(access(stateDir)).rejects.toThrow();
  expect(other.output()).not.toContain("host refused");
});

test("nobody there, somebody else there, the wrong port, a name that is not the controller's", async () => {
  const controller = await controllerHere();
  const token = await newToken(controller);
  const stateDir = await temporaryDirectory();
  const closed = createServer();
  const port = await new Promise<number>((settle) =>
    closed.listen(0, "127.0.0.1", () => {
      const address = closed.address();
      settle(typeof address === "object" && address ? address.port : 0);
    }),
  );
  closed.on("connection", (socket) => socket.resume().end("220 mail ready\r\n"));
  expectRefused(await enroll(`127.0.0.1:${port}`, token, stateDir), 4, /controller cannot be reached/);
  await new Promise((settle) => closed.close(settle));
  expectRefused(await enroll(`127.0.0.1:${port}`, token, stateDir), 4, /nothing listens there/);
  expectRefused(
    await enroll(`localhost:${controller.ports.fleet}`, token, stateDir),
    4,
    /this is the controller's fleet port; give the address of its enrol port/,
  );
  expectRefused(await enroll(`[::1]:${controller.ports.enrol}`, token, stateDir), 5, /names .*localhost.*, not ::1/);
  expectRefused(await enroll("no-port", token, stateDir), 5, /not HOST:PORT/);
});

test("a state directory that cannot be written changes nothing at the controller", async () => {
  const controller = await controllerHere();
  const token = await newToken(controller);
  const directory = await temporaryDirectory();
  await writeFile(join(directory, "file"), "");
  expectRefused(
    await enroll(enrolAddress(controller), token, join(directory, "file/state")),
    5,
    /state cannot be kept/,
  );
  await mkdir(join(directory, "state"));
  expect(await enroll(enrolAddress(controller), token, join(directory, "state"))).toMatchObject({ code: 0 });
  expect(await readFile(join(directory, "state/identity/identity.json"), "utf8")).toContain("hostId");
});
