import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@afterpatch/agent/clock";
import { type Identity, identityDirectory, loadIdentity } from "@afterpatch/agent/identity/identity";
import { IdentityKeeper } from "@afterpatch/agent/identity/keeper";
import { loadAuthority } from "@afterpatch/controller/ca/authority";
import { fromAgentToWire, toAgentFromWire } from "@afterpatch/wire/convert/session";
import { controllerClient } from "@afterpatch/wire/credentials";
import { spkiSha256 } from "@afterpatch/wire/pem";
import { open, received } from "@afterpatch/wire/rpc";
import { agentService } from "@afterpatch/wire/services";
import { expect, onTestFinished, test, vi } from "vitest";
import { temporaryDirectory, until } from "./programs.ts";
import { type TrustedPlace, trustedPlace } from "./trusted-place.ts";

// Certificates of hosts that end, and hosts that are two, before a real controller.

const DAY_MS = 86_400_000;
const LOG = { info: () => undefined, warn: () => undefined };

const keeperOf = (identity: Identity, stateDir: string, aheadMs = 0) =>
  new IdentityKeeper(identity, {
    ...{ stateDir, log: LOG, random: () => 0.5 },
    clock: { ...systemClock, now: () => Date.now() + aheadMs },
  });

/** An agent's stream, as a process of it that calls itself `instanceId`; how it went. */
function stream(place: TrustedPlace, identity: Identity, instanceId: string) {
  const client = controllerClient({ host: "localhost", port: place.controller.ports.fleet }, identity);
  onTestFinished(() => client.close());
  const stream = open(client, agentService.connect);
  const welcomed = Promise.withResolvers<string>();
  const ended = (async () => {
    try {
      for await (const message of received(stream)) {
        const told = toAgentFromWire(message);
        if (told.kind !== "welcome") continue;
        const { epoch } = told;
        stream.write(
          fromAgentToWire({ kind: "hello", epoch, agentVersion: "0", bootId: "b", permits: [], instanceId }),
        );
        welcomed.resolve(told.auditHead ?? "");
      }
    } catch (error) {
      welcomed.reject(new Error("not let in", { cause: error }));
    }
    return "ended";
  })();
  welcomed.promise.catch(() => undefined); // whoever waits for it hears of it
  return { welcomed: welcomed.promise, ended };
}

const stateOf = async (place: TrustedPlace, id: string) => (await place.controller.store.hosts.byId(id))?.state;

test("an agent renews at two thirds of its certificate's life, with a new key, on the disk before it is used", async () => {
  const place = await trustedPlace();
  const { identity, stateDir } = await place.join("web01");
  const early = new AbortController();
  const first = keeperOf(identity, stateDir, 19 * DAY_MS).run(early.signal);
  early.abort();
  await first;
  expect(await loadIdentity(stateDir)).toEqual(identity);
  const stop = new AbortController();
  const keeper = keeperOf(identity, stateDir, 20.5 * DAY_MS);
  const running = keeper.run(stop.signal);
  await vi.waitFor(async () => expect((await loadIdentity(stateDir)).cert).not.toBe(identity.cert), 10_000);
  stop.abort();
  await running;
  const renewed = await loadIdentity(stateDir);
  expect([renewed.key === identity.key, renewed.hostId]).toEqual([false, identity.hostId]);
  expect(await keeper.usable()).toMatchObject({ cert: renewed.cert, key: renewed.key });
  expect((await readdir(identityDirectory(stateDir))).toSorted()).toEqual([
    "ca.crt",
    "host.crt",
    "host.key",
    "identity.json",
  ]);
  // The new one is let in, and the old one until it ends: nothing that is under way breaks.
  for (const each of [renewed, identity]) await stream(place, each, "i1").welcomed;
}, 30_000);

test("a renewal that is cut off at any moment leaves a pair that fits", async () => {
  const place = await trustedPlace();
  const { identity, stateDir } = await place.join("web01");
  const directory = identityDirectory(stateDir);
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const authority = await loadAuthority(join(place.controller.dataDir, "ca"));
  const { pem: cert } = await authority.issueHost(identity.hostId, publicKey, Date.now());
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await writeFile(join(directory, "host.key.next"), key);
  expect(await loadIdentity(stateDir)).toMatchObject({ cert: identity.cert, key: identity.key });
  await writeFile(join(directory, "host.crt"), cert);
  expect(await loadIdentity(stateDir)).toMatchObject({ cert, key });
});

/** Its only certificate ended `days` ago, in the store and on the host. */
async function expired(place: TrustedPlace, stateDir: string, identity: Identity, days: number): Promise<Identity> {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const authority = await loadAuthority(join(place.controller.dataDir, "ca"));
  const then = Date.now() - (30 + days) * DAY_MS;
  const certificate = await authority.issueHost(identity.hostId, publicKey, then);
  const shown = new X509Certificate(identity.cert).serialNumber;
  const renewal = { hostId: identity.hostId, shown, certificate, spkiSha256: spkiSha256(publicKey) };
  expect(await place.controller.store.renewals.renewHost({ ...renewal, isReadmission: false, now: then })).toBe(true);
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await writeFile(join(identityDirectory(stateDir), "host.crt"), certificate.pem);
  await writeFile(join(identityDirectory(stateDir), "host.key"), key);
  return loadIdentity(stateDir);
}

test("a host that was off for months waits for somebody's approval, and is the same host afterwards", async () => {
  const place = await trustedPlace();
  const { identity, stateDir } = await place.join("web01");
  const old = await expired(place, stateDir, identity, 60);
  await expect(stream(place, old, "i1").welcomed).rejects.toThrow("not let in");
  const keeper = keeperOf(old, stateDir);
  const wait = /certificate has expired while it was away, or [^;]+; 'afterpatch hosts readmit web01' approves of it/;
  for (let nth = 0; nth < 2; nth++) await expect(keeper.usable()).rejects.toThrow(wait);
  const waiting = await place.admin("hosts", "waiting");
  expect(waiting.out).toMatch(/^HOST +WHY +FOR +THEN\nweb01 +expired +\d+s +hosts readmit, or forget\n$/);
  const reason = ["--reason", "back from storage"];
  expect(await place.admin("hosts", "readmit", "web01", ...reason)).toMatchObject({ code: 0, err: "" });
  const usable = await keeper.usable();
  expect(usable.hostId).toBe(identity.hostId);
  await stream(place, await loadIdentity(stateDir), "i1").welcomed;
  expect((await place.admin("hosts", "waiting")).out).toBe("No host waits for anybody.\n");
  const nobody = await place.admin("hosts", "readmit", "web01", ...reason);
  expect([nobody.code, nobody.err]).toEqual([5, expect.stringContaining("web01 does not ask to be let in again")]);
}, 60_000);

test("an approval ends after an hour, and whoever shows a certificate without its key gets none", async () => {
  const place = await trustedPlace();
  const { identity, stateDir } = await place.join("web01");
  const old = await expired(place, stateDir, identity, 1);
  const { renewals } = place.controller.store;
  const now = Date.now();
  expect(await renewals.ask(identity.hostId, now - 2 * 3_600_000)).toBe(false);
  expect(await renewals.approve(identity.hostId, { actor: "user/ada", at: now - 3_600_001 })).toBe(true);
  await expect(keeperOf(old, stateDir).usable()).rejects.toThrow("has expired while it was away");
  expect(await renewals.approve(identity.hostId, { actor: "user/ada", at: now })).toBe(true);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const thief = { ...old, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
  await expect(keeperOf(thief, await temporaryDirectory()).usable()).rejects.toThrow("not let in any more");
  await place.admin("hosts", "revoke", "web01", "--reason", "stolen", "--yes");
  await expect(keeperOf(old, stateDir).usable()).rejects.toThrow("not let in any more");
}, 60_000);

test("a host whose certificate a restored controller does not know asks by itself, and waits for somebody's approval", async () => {
  const place = await trustedPlace();
  const { identity, stateDir } = await place.join("web01");
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const authority = await loadAuthority(join(place.controller.dataDir, "ca"));
  const { pem: cert } = await authority.issueHost(identity.hostId, publicKey, Date.now()); // after the copy was made
  const since = { ...identity, cert, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
  await expect(stream(place, since, "i1").welcomed).rejects.toThrow("not let in");
  const tries = async () => {
    const keeper = keeperOf(since, stateDir);
    for (let nth = 1; nth < 10; nth++) expect((await keeper.usable()).cert).toBe(cert);
    return keeper.usable();
  };
  expect((await tries()).cert).toBe(cert);
  expect((await place.admin("hosts", "waiting")).out).toContain("web01");
  expect((await place.admin("hosts", "readmit", "web01", "--reason", "it is the one")).code).toBe(0);
  const again = await tries();
  expect([again.hostId, again.cert === cert]).toEqual([identity.hostId, false]);
  await stream(place, await loadIdentity(stateDir), "i1").welcomed;
  // Of one that was revoked nobody asks.
  await place.admin("hosts", "revoke", "web01", "--reason", "stolen", "--yes");
  expect((await tries()).cert).toBe(cert);
  expect((await place.admin("hosts", "waiting")).out).not.toContain("web01");
}, 60_000);

test("two machines under one identity are both in quarantine until a person releases it", async () => {
  const place = await trustedPlace();
  const { identity } = await place.join("web01");
  const { identity: other } = await place.join("web02");
  await stream(place, other, "x").welcomed;
  const isHere = async () =>
    JSON.parse((await place.admin("status", "web01", "-o", "json")).out).hosts[0].presence === "connected";
  const first = stream(place, identity, "machine-1");
  await until(isHere);
  const second = stream(place, identity, "machine-2");
  await first.ended; // one identity speaks through one stream
  expect(await stateOf(place, identity.hostId)).toBe("active"); // so far it may be one that was started anew
  await until(isHere);
  const back = stream(place, identity, "machine-1");
  await back.ended;
  await second.ended;
  await until(async () => (await stateOf(place, identity.hostId)) === "quarantined");
  for (const instance of ["machine-2", "machine-3"])
    await expect(stream(place, identity, instance).welcomed).rejects.toMatchObject({
      cause: { message: expect.stringContaining("this host is in quarantine") },
    });
  const status = JSON.parse((await place.admin("status", "-o", "json")).out);
  expect(
    status.hosts.map(({ name, state, presence }: Record<string, string>) => [name, state, presence]),
  ).toMatchObject([
    ["web01", "quarantined", expect.not.stringMatching(/^connected$/)],
    ["web02", "connected", "connected"],
  ]);
  const waiting = JSON.parse((await place.admin("hosts", "waiting", "-o", "json")).out);
  expect(waiting.hosts).toMatchObject([{ name: "web01", why: "quarantined" }]);
  const released = await place.admin("hosts", "release", "web01", "--reason", "the clone is off");
  expect([released.code, released.out]).toEqual([0, "web01 is in quarantine no more\n"]);
  await stream(place, identity, "machine-1").welcomed;
  await until(isHere);
}, 60_000);

test("nothing is taken from a stream before its hello, nor of what came along with one that is refused", async () => {
  const place = await trustedPlace();
  const { identity } = await place.join("web01");
  const said = fromAgentToWire({ kind: "scan-failed", requestId: "", why: "made up" });
  const failure = async () => (await place.controller.store.hosts.byId(identity.hostId))?.scanFailure;
  const speak = async (words: (epoch: number) => readonly Parameters<typeof fromAgentToWire>[0][]) => {
    const client = controllerClient({ host: "localhost", port: place.controller.ports.fleet }, identity);
    onTestFinished(() => client.close());
    const stream = open(client, agentService.connect);
    try {
      for await (const message of received(stream)) {
        const told = toAgentFromWire(message);
        if (told.kind !== "welcome") continue;
        for (const word of words(told.epoch)) stream.write(fromAgentToWire(word));
        stream.write(said);
      }
    } catch {
      // refused: as good as an end
    }
  };
  const hello = (epoch: number, instanceId: string) =>
    ({ kind: "hello", epoch, agentVersion: "0", bootId: "b", permits: [], instanceId }) as const;
  await speak(() => []);
  expect(await failure()).toBeNull();
  await speak((epoch) => [hello(epoch, "i1"), hello(epoch, "i2")]);
  expect(await failure()).toBeNull();
  await speak((epoch) => [hello(epoch + 1, "i1")]);
  expect(await failure()).toBeNull();
}, 30_000);

test("a forgotten host is let in no more, and another one may have its name", async () => {
  const place = await trustedPlace();
  const { identity } = await place.join("web01");
  await expect(place.join("web01")).rejects.toThrow("another host has this name");
  const forgot = await place.admin("hosts", "forget", "web01", "--reason", "reinstalled", "--yes");
  expect([forgot.code, forgot.out]).toEqual([0, "Forgot web01; it was not connected\n"]);
  await expect(stream(place, identity, "i1").welcomed).rejects.toThrow("not let in");
  const { identity: next } = await place.join("web01");
  expect(next.hostId).not.toBe(identity.hostId);
  await stream(place, next, "i1").welcomed;
  // A name that a revoked host holds is free when that one is forgotten too.
  await place.admin("hosts", "revoke", "web01", "--reason", "stolen", "--yes");
  await expect(place.join("web01")).rejects.toThrow("another host has this name");
  expect((await place.admin("hosts", "revoke", "web01", "--reason", "again", "--yes")).code).toBe(6);
  const late = await place.admin("hosts", "forget", "web01", "--reason", "reinstalled", "--yes");
  expect([late.code, late.out]).toEqual([0, "Forgot web01; it was not connected\n"]);
  await place.join("web01");
  expect((await place.admin("hosts", "forget", "web09", "--reason", "x", "--yes")).code).toBe(6);
}, 60_000);
