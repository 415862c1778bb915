import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadAuthority } from "@afterpatch/controller/ca/authority";
import { connect } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { cli } from "./cli-process.ts";
import { temporaryDirectory } from "./programs.ts";
import { type TrustedPlace, trustedPlace } from "./trusted-place.ts";

// Operators from their first login to their end, as it is typed, before a real controller.

async function tokenFile(text: string): Promise<string> {
  const path = join(await temporaryDirectory(), "login.token");
  await writeFile(path, text);
  return path;
}

/** Adds an operator, who logs in; answers the directory of the credentials. */
async function loggedIn(place: TrustedPlace, name: string, ...how: readonly string[]): Promise<string> {
  const added = await place.admin("operators", "add", name, ...how);
  expect([added.code, added.out]).toEqual([0, expect.stringMatching(/^ap1\.\S+\n$/)]);
  expect(added.err).toMatch(
    new RegExp(`^${name} logs in until \\S+Z with: afterpatch login localhost:\\d+ --token-file FILE\n$`),
  );
  const home = await place.home();
  const enrol = `localhost:${place.controller.ports.enrol}`;
  const login = await cli(["login", enrol, "--token-file", await tokenFile(added.out), "--credentials", home]).ended;
  expect([login.code, login.err]).toEqual([0, ""]);
  return home;
}

/** A connection that was let in; `closed` when the controller ended it. */
async function connectionOf(place: TrustedPlace, home: string) {
  const [ca, cert, key] = await Promise.all(
    ["ca.crt", "operator.crt", "operator.key"].map((name) => readFile(join(home, name))),
  );
  const where = { host: "localhost", port: place.controller.ports.fleet, ALPNProtocols: ["h2"] };
  const socket = connect({ ...where, ca, cert, key });
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined); // an end is an end
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve("closed")));
  await new Promise<void>((resolve) => socket.once("data", () => resolve())); // its settings: it is let in
  return { closed };
}

const serialIn = async (home: string) => new X509Certificate(await readFile(join(home, "operator.crt"))).serialNumber;

test("an operator is added, logs in once, works in the role, gets another, and is let in no more", async () => {
  const place = await trustedPlace();
  const home = await loggedIn(place, "carol", "--role", "operator");
  expect((await stat(home)).mode & 0o777).toBe(0o700);
  for (const name of ["operator.key", "operator.crt", "ca.crt", "controller", "enrol"])
    expect([name, (await stat(join(home, name))).mode & 0o777]).toEqual([name, 0o600]);
  expect(await place.as(home, "status")).toMatchObject({ code: 0, err: "" });
  const denied = await place.as(home, "token", "create");
  expect([denied.code, denied.err]).toEqual([
    5,
    expect.stringContaining("an operator may not do this, which takes the role admin"),
  ]);
  const reason = ["--reason", "changed teams"];
  const role = await place.admin("operators", "role", "carol", "--role", "viewer", ...reason);
  expect([role.code, role.out]).toEqual([0, "carol is viewer now\n"]);
  const cordon = await place.as(home, "freeze", "on", "--reason", "x");
  expect([cordon.code, cordon.err]).toEqual([
    5,
    expect.stringContaining("a viewer may not do this, which takes the role operator or admin"),
  ]);
  const listed = JSON.parse((await place.admin("operators", "list", "-o", "json")).out);
  expect(listed.operators).toMatchObject([
    { name: "admin", role: "admin", certificateLife: "12h", revokedAt: null },
    { name: "carol", role: "viewer", certificateLife: "12h", certifiedUntil: expect.any(String), revokedAt: null },
  ]);
  const live = await connectionOf(place, home);
  const revoked = await place.admin("operators", "revoke", "carol", ...reason, "--yes");
  const late = new Promise((resolve) => setTimeout(resolve, 5_000, "still open"));
  expect(await Promise.race([live.closed, late])).toBe("closed"); // what is open ends as well, and not by some timeout
  expect([revoked.code, revoked.out, revoked.err]).toEqual([0, "Revoked operator carol\n", ""]);
  const out = await place.as(home, "status");
  expect([out.code, out.err]).toEqual([5, expect.stringMatching(/was revoked|not let in any more/)]);
  const again = await place.admin("operators", "add", "carol", "--role", "viewer");
  expect([again.code, again.err]).toEqual([5, expect.stringContaining("names are never used again")]);
}, 60_000);

test("a login token works once, for operators alone, until it is revoked, and its CA is checked before it is sent", async () => {
  const place = await trustedPlace();
  const enrol = `localhost:${place.controller.ports.enrol}`;
  const login = async (token: string, home: string, ...more: readonly string[]) =>
    cli(["login", enrol, "--token-file", await tokenFile(token), "--credentials", home, ...more]).ended;
  const first = (await place.admin("operators", "add", "dave", "--role", "viewer")).out;
  const home = await place.home();
  const other = await trustedPlace();
  const wrong = (await other.admin("operators", "add", "dave", "--role", "viewer")).out;
  expect(await login(wrong, home)).toMatchObject({ code: 5, err: expect.stringContaining("wrong CA") });
  const join = (await place.admin("token", "create")).out;
  expect(await login(join, home)).toMatchObject({ code: 5, err: expect.stringContaining("a join token of hosts") });
  expect((await login(first, home)).code).toBe(0);
  const twice = await login(first, home, "--replace");
  expect([twice.code, twice.err]).toEqual([5, expect.stringContaining("the token is used up")]);
  const there = await login(first, home);
  expect([there.code, there.err]).toEqual([5, expect.stringContaining("is there already; add --replace")]);
  const second = (await place.admin("operators", "token", "dave")).out;
  const listed = JSON.parse((await place.admin("token", "list", "-o", "json")).out);
  expect(listed.tokens).toMatchObject([
    { for: "hosts", usesLeft: 1 },
    { for: "operator dave", usesLeft: 1 },
  ]);
  expect(JSON.stringify(listed)).not.toContain(second.split(".")[2]);
  // Typed as a whole by mistake: its id is taken, and it works no more.
  const revoke = await place.admin("token", "revoke", second.trim(), "--reason", "pasted into a chat");
  expect([revoke.code, revoke.out]).toEqual([0, `Token ${second.split(".")[1]} works no more\n`]);
  expect(await login(second, home, "--replace")).toMatchObject({
    code: 5,
    err: expect.stringContaining("was revoked"),
  });
  expect(await place.as(home, "status")).toMatchObject({ code: 0, err: "" }); // as before
}, 90_000);

test("a certificate renews itself while it is used, and within days after its end; a removed operator's does not", async () => {
  const place = await trustedPlace();
  const home = await loggedIn(place, "erin", "--role", "viewer", "--life", "2m"); // past its half from the start: it is backdated
  const before = await serialIn(home);
  expect(await place.as(home, "status")).toMatchObject({ code: 0, err: "" });
  const after = await serialIn(home);
  expect(after).not.toBe(before);
  // One that ended ten days ago, then one that ended fifteen days ago.
  const endedFor = async (days: number): Promise<void> => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const authority = await loadAuthority(join(place.controller.dataDir, "ca"));
    const end = Date.now() - days * 86_400_000;
    const who = { name: "erin", role: "viewer" as const, lifeMs: 3_600_000 };
    const issued = await authority.issueOperator(who, publicKey, end - 3_600_000);
    expect(await place.controller.store.renewals.renewOperator("erin", after, issued, end)).toBe(true);
    await writeFile(join(home, "operator.crt"), issued.pem);
    await writeFile(join(home, "operator.key"), privateKey.export({ type: "pkcs8", format: "pem" }));
  };
  await endedFor(10);
  expect(await place.as(home, "status")).toMatchObject({ code: 0, err: "" });
  const [cert, key] = [await readFile(join(home, "operator.crt")), await readFile(join(home, "operator.key"))];
  expect(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))).toBe(true);
  await endedFor(15);
  const late = await place.as(home, "status");
  expect([late.code, late.err]).toEqual([
    5,
    expect.stringMatching(/operator\.crt expired on .*; ask an admin for a login token\n$/),
  ]);
  await endedFor(10);
  await place.admin("operators", "revoke", "erin", "--reason", "left", "--yes");
  expect(await place.as(home, "status")).toMatchObject({ code: 5, err: expect.stringContaining("expired on") });
}, 60_000);

test("two commands at once renew one certificate, and its key still fits", async () => {
  const place = await trustedPlace();
  const home = await loggedIn(place, "frank", "--role", "viewer", "--life", "2m");
  const ended = await Promise.all(Array.from({ length: 4 }, () => place.as(home, "status")));
  expect(ended.map(({ code, err }) => [code, err])).toEqual(Array(4).fill([0, ""]));
  const [cert, key] = [await readFile(join(home, "operator.crt")), await readFile(join(home, "operator.key"))];
  expect(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))).toBe(true);
}, 60_000);

test("tokens go with the admin who made them, and a key that was replaced is good for nothing", async () => {
  const place = await trustedPlace();
  const enrol = `localhost:${place.controller.ports.enrol}`;
  const mallory = await loggedIn(place, "mallory", "--role", "admin");
  const kept = [
    (await place.as(mallory, "operators", "token", "admin")).out,
    (await place.as(mallory, "operators", "add", "second", "--role", "admin")).out,
  ];
  const joining = (await place.as(mallory, "token", "create", "--uses", "100")).out;
  const own = (await place.admin("operators", "token", "admin")).out;
  await place.admin("operators", "revoke", "mallory", "--reason", "left in anger", "--yes");
  for (const token of kept) {
    const home = await place.home();
    const login = await cli(["login", enrol, "--token-file", await tokenFile(token), "--credentials", home]).ended;
    expect([login.code, login.err]).toEqual([5, expect.stringContaining("was revoked")]);
  }
  const listed = JSON.parse((await place.admin("token", "list", "-o", "json")).out);
  expect(listed.tokens).toMatchObject([{ for: "operator admin" }]);
  expect(JSON.stringify(listed)).not.toContain(joining.split(".")[1]);
  // A new laptop: what is on the old one lets nobody in any more.
  const old = join(place.controller.dataDir, "admin");
  const live = await connectionOf(place, old);
  const home = await place.home();
  expect((await cli(["login", enrol, "--token-file", await tokenFile(own), "--credentials", home]).ended).code).toBe(0);
  const late = new Promise((resolve) => setTimeout(resolve, 5_000, "still open"));
  expect(await Promise.race([live.closed, late])).toBe("closed");
  expect((await place.as(old, "status")).code).toBe(5);
  expect((await place.as(home, "status")).code).toBe(0);
}, 60_000);

test("the last admin who can act stays: one who never logged in, or whose certificate says less, does not count", async () => {
  const place = await trustedPlace();
  const why = ["--reason", "x"];
  await place.admin("operators", "add", "grace", "--role", "admin");
  const step = () => place.admin("operators", "role", "admin", "--role", "viewer", ...why);
  expect(await step()).toMatchObject({ code: 5, err: expect.stringContaining("the last admin who can act") });
  const home = await loggedIn(place, "heidi", "--role", "viewer");
  expect((await place.admin("operators", "role", "heidi", "--role", "admin", ...why)).code).toBe(0);
  expect(await step()).toMatchObject({ code: 5, err: expect.stringContaining("the last admin who can act") });
  const token = (await place.admin("operators", "token", "heidi")).out;
  const enrol = `localhost:${place.controller.ports.enrol}`;
  const again = ["--token-file", await tokenFile(token), "--credentials", home, "--replace"];
  expect((await cli(["login", enrol, ...again]).ended).code).toBe(0);
  expect((await place.as(home, "operators", "revoke", "admin", ...why, "--yes")).code).toBe(0);
}, 60_000);

test("mistakes change nothing", async () => {
  const place = await trustedPlace();
  const rows: readonly [readonly string[], number, string][] = [
    [["operators", "add", "Carol", "--role", "viewer"], 5, "'Carol' is no name of an operator"],
    [["operators", "add", "local", "--role", "viewer"], 5, "local stands for something else in the audit log"],
    [["operators", "add", "carol", "--role", "root"], 5, '--role cannot be "root"'],
    [["operators", "add", "carol"], 5, "role"],
    [["operators", "add", "carol", "--role", "viewer", "--life", "400d"], 5, "lives 1m to 365d"],
    [["operators", "add", "carol", "--role", "viewer", "--expires", "2d"], 5, "lives between 1 second and 24 hours"],
    [["operators", "add", "admin", "--role", "viewer"], 5, "names are never used again"],
    [["operators", "token", "nobody"], 6, "there is no operator 'nobody'"],
    [["operators", "role", "admin", "--role", "viewer", "--reason", "x"], 5, "admin is the last admin"],
    [["operators", "revoke", "admin", "--reason", "x", "--yes"], 5, "nobody revokes themselves"],
    [["operators", "role"], 5, "an operator's name"],
    [["token", "revoke"], 5, "a token's id is missing"],
    [["operators", "revoke", "admin", "--yes"], 5, "--reason: is missing"],
    [["operators", "revoke", "admin", "--reason", "x"], 5, "nobody is at a terminal"],
    [["token", "revoke", "nosuchtokn", "--reason", "x"], 6, "no token"],
    [["login", "nowhere", "--token-file", "/dev/null"], 5, "operator.crt is there already"],
    [["login", "nowhere", "--token-file", "/nonexistent"], 5, "/nonexistent: token cannot be read: "],
    [["login", "nowhere"], 5, "--token-file: is missing"],
  ];
  for (const [args, code, said] of rows) {
    const ended = await place.admin(...args);
    expect([args, ended.code, ended.err, ended.out]).toEqual([args, code, expect.stringContaining(said), ""]);
  }
  expect((await place.controller.store.operators.list()).map(({ name }) => name)).toEqual(["admin"]);
}, 60_000);
