import { createHash, X509Certificate } from "node:crypto";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:tls";
import { join } from "node:path";
import { parseToken } from "@afterpatch/wire/token";
import { expect, onTestFinished, test } from "vitest";
import { cli } from "./cli-process.ts";
import { temporaryDirectory } from "./programs.ts";
import { type TrustedPlace, trustedPlace } from "./trusted-place.ts";

// Pipelines: one secret that lives long, and a certificate of its own for each run, before a real controller.

const REASON = ["--reason", "ended its work", "--yes"] as const;

/** Adds a machine; answers its token. */
async function machine(place: TrustedPlace, ...how: readonly string[]): Promise<string> {
  const added = await place.admin("operators", "add", "ci", "--role", "operator", "--machine", ...how);
  expect([added.code, added.err]).toEqual([
    0,
    expect.stringMatching(/^ci logs in until .*Z, as often as it likes, with: /),
  ]);
  return added.out;
}

/** Logs in as a pipeline does. */
async function login(place: TrustedPlace, token: string, ...more: readonly string[]) {
  const home = await place.home();
  const file = join(await temporaryDirectory(), "token");
  await writeFile(file, token);
  const enrol = `localhost:${place.controller.ports.enrol}`;
  const { code, out, err } = await cli(["login", enrol, "--token-file", file, "--credentials", home, ...more]).ended;
  return { home, code, out, err };
}

/** An open connection; resolves when the controller has ended it. */
async function live(place: TrustedPlace, home: string): Promise<Promise<string>[]> {
  const files = ["ca.crt", "operator.crt", "operator.key"].map((name) => readFile(join(home, name)));
  const [ca, cert, key] = await Promise.all(files);
  const socket = connect({
    host: "localhost",
    port: place.controller.ports.fleet,
    ALPNProtocols: ["h2"],
    ca,
    cert,
    key,
  });
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined); // an end is an end
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve("closed")));
  await new Promise<void>((resolve) => socket.once("data", () => resolve()));
  return [closed];
}

const late = () => new Promise<string>((resolve) => setTimeout(resolve, 5_000, "still open"));
const certificate = async (home: string) => new X509Certificate(await readFile(join(home, "operator.crt")));

test("pipelines side by side log in with one token; revoked, it takes the certificates that it gave along", async () => {
  const place = await trustedPlace();
  const token = await machine(place, "--life", "2h");
  const [one, two] = [await login(place, token), await login(place, token, "--lifetime", "10m", "-o", "json")];
  expect([one.code, two.code, one.err]).toEqual([0, 0, ""]);
  expect(one.out).toMatch(/^Logged in as ci \(operator\) at localhost:\d+, until \S+Z; credentials are in /);
  expect(JSON.parse(two.out)).toMatchObject({ name: "ci", role: "operator", machine: true, until: expect.any(String) });
  const minutes = async (home: string) => ((await certificate(home)).validToDate.getTime() - Date.now()) / 60_000;
  expect(await minutes(one.home)).toBeGreaterThan(110);
  expect(await minutes(two.home)).toBeLessThan(11);
  for (const name of await readdir(one.home))
    expect([name, (await stat(join(one.home, name))).mode & 0o777]).toEqual([name, 0o600]);
  // The login of the second one has not ended the first.
  for (const { home } of [one, two]) expect(await place.as(home, "status")).toMatchObject({ code: 0, err: "" });
  const next = (await place.admin("operators", "token", "ci", "--expires", "30d")).out;
  const three = await login(place, next);
  const listed = JSON.parse((await place.admin("token", "list", "-o", "json")).out).tokens;
  expect(listed).toMatchObject([
    { for: "machine ci", usesLeft: null },
    { for: "machine ci", usesLeft: null },
  ]);
  const [closed = late()] = await live(place, one.home);
  const id = parseToken(token)?.id ?? "";
  expect((await place.admin("token", "revoke", id, "--reason", "was in a log")).code).toBe(0);
  expect(await Promise.race([closed, late()])).toBe("closed");
  for (const { home } of [one, two]) expect((await place.as(home, "status")).code).toBe(5);
  expect(await login(place, token)).toMatchObject({ code: 5, err: expect.stringContaining("the token was revoked") });
  expect(await place.as(three.home, "status")).toMatchObject({ code: 0, err: "" });
  const [ended = late()] = await live(place, three.home);
  expect((await place.admin("operators", "revoke", "ci", ...REASON)).code).toBe(0);
  expect(await Promise.race([ended, late()])).toBe("closed");
  const log = JSON.parse((await place.admin("audit", "list", "--all", "--actor", "user/ci", "-o", "json")).out).entries;
  expect(log.map(({ action, body }: { action: string; body: string }) => [action, JSON.parse(body).token])).toEqual([
    ["operator.login", id],
    ["operator.login", id],
    ["operator.login", parseToken(next)?.id],
  ]);
}, 120_000);

test("a machine's certificate is not renewed, neither before its end nor after it, and says how to go on", async () => {
  const place = await trustedPlace();
  const token = await machine(place, "--life", "1m"); // past its half from the start: it is backdated
  const { home } = await login(place, token);
  const before = (await certificate(home)).serialNumber;
  expect(await place.as(home, "status")).toMatchObject({ code: 0, err: "" });
  expect((await certificate(home)).serialNumber).toBe(before);
  // A program that forgets what it is asks in vain.
  await rm(join(home, "machine"));
  expect(await place.as(home, "status")).toMatchObject({ code: 0, err: "" });
  expect((await certificate(home)).serialNumber).toBe(before);
  const again = await login(place, token);
  expect((await certificate(again.home)).serialNumber).not.toBe(before);
}, 60_000);

test("the token may be in the environment; it is never shown, and no person's token is taken for a machine's", async () => {
  const place = await trustedPlace();
  const token = (await machine(place)).trim();
  const home = await place.home();
  const enrol = `localhost:${place.controller.ports.enrol}`;
  const env = { AFTERPATCH_TOKEN: token, AFTERPATCH_CREDENTIALS: home };
  const { code, out, err } = await cli(["login", enrol], env).ended;
  expect([code, err]).toEqual([0, ""]);
  expect(out + place.controller.output()).not.toContain(token.split(".")[2]);
  const none = await cli(["login", enrol, "--replace"], { AFTERPATCH_CREDENTIALS: home }).ended;
  expect([none.code, none.err]).toEqual([5, expect.stringMatching(/--token-file: is missing; .* AFTERPATCH_TOKEN/)]);
  const longer = await login(place, token, "--lifetime", "2h");
  expect(longer).toMatchObject({ code: 5, err: expect.stringContaining("this machine's certificates live 1m to 1h") });
  const person = (await place.admin("operators", "add", "carol", "--role", "viewer")).out;
  const asked = await login(place, person, "--lifetime", "5m");
  expect(asked).toMatchObject({ code: 5, err: expect.stringContaining("a lifetime is for machines") });
  expect((await login(place, person)).code).toBe(0); // the refusal has not used it up
}, 60_000);

test.each<[readonly string[], RegExp]>([
  [["add", "bot", "--role", "admin", "--machine"], /a machine is no admin/],
  [["add", "bot", "--role", "viewer", "--max-hosts", "5"], /a ceiling of hosts is for machines/],
  [["add", "bot", "--role", "viewer", "--machine", "--life", "25h"], /a machine's certificate lives 1m to 1d/],
  [["add", "bot", "--role", "viewer", "--machine", "--expires", "366d"], /is not within 365d/],
  [["add", "bot", "--role", "viewer", "--expires", "25h"], /a token lives between 1 second and 24 hours/],
])(
  "operators %j is refused",
  async (args, why) => {
    const place = await trustedPlace();
    const { code, err } = await place.admin("operators", ...args);
    expect([code, err]).toEqual([5, expect.stringMatching(why)]);
  },
  30_000,
);

test("a machine becomes no admin, is listed as what it is, and does not log in without end", async () => {
  const place = await trustedPlace();
  const token = parseToken(await machine(place, "--max-hosts", "50"));
  const admin = await place.admin("operators", "role", "ci", "--role", "admin", "--reason", "x");
  expect([admin.code, admin.err]).toEqual([5, expect.stringContaining("a machine is no admin")]);
  expect((await place.admin("operators", "list")).out).toMatch(
    /^ci +machine, 50 hosts at most +operator +1h +- +has not/m,
  );
  const { operators } = place.controller.store;
  if (!token) throw new Error("the controller made no token");
  const shown = {
    tokenId: token.id,
    secretSha256: createHash("sha256").update(token.secret).digest(),
    now: Date.now(),
  };
  const redeem = (nth: number, now: number) =>
    operators.redeem({ ...shown, now }, { serial: `AB${nth}`, notAfter: now + 60_000 });
  for (let nth = 0; nth < 600; nth++) await redeem(nth, shown.now);
  expect(await redeem(600, shown.now)).toEqual({ kind: "token-too-often" });
  expect(await redeem(601, shown.now + 3_600_001)).toMatchObject({ name: "ci", isMachine: true });
}, 60_000);
