import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import type { Identity } from "@afterpatch/agent/identity/identity";
import { loadAuthority } from "@afterpatch/controller/ca/authority";
import { buildServices } from "@afterpatch/controller/services";
import { type ClientIdentity, controllerClient } from "@afterpatch/wire/credentials";
import { CODE_KEY, call, open, received, unary } from "@afterpatch/wire/rpc";
import { agentService, controlService, enrollService } from "@afterpatch/wire/services";
import { parseToken } from "@afterpatch/wire/token";
import * as grpc from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { controllerHere, dataDirectory, type OpenedController } from "./in-process.ts";
import { adminFiles, LARGE_PLAN, leastServices } from "./least-services.ts";
import { adminClient, newToken, temporaryDirectory, until } from "./programs.ts";

async function joined(controller: OpenedController, name = "web01"): Promise<Identity> {
  const token = parseToken(await newToken(controller));
  if (!token) throw new Error("the controller made no token");
  return enroll({
    controller: { host: "localhost", port: controller.ports.enrol },
    token,
    name,
    labels: {},
    stateDir: await temporaryDirectory(),
    agentVersion: "0.0.0-test",
    now: Date.now,
  });
}

function client(port: number, identity: ClientIdentity): grpc.Client {
  const made = controllerClient({ host: "localhost", port }, identity);
  onTestFinished(() => made.close());
  return made;
}

/** Status and our own code of a call that must fail. */
async function refusal(answer: Promise<unknown>): Promise<{ status: string | undefined; code: string }> {
  const error = await answer.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error && "code" in error && "metadata" in error)) throw new Error(`not refused: ${error}`);
  const { code, metadata } = error as grpc.ServiceError; // has both, checked above
  return { status: grpc.status[code], code: String(metadata.get(CODE_KEY)[0] ?? "") };
}

const listHosts = (from: grpc.Client) => call(from, controlService.listHosts, { pattern: "", fresh: false }, 5_000);
const createToken = (from: grpc.Client) =>
  call(from, controlService.createToken, { uses: 1, expiresMs: 60_000, labels: {} }, 5_000);
/** The first message of an agent's stream. */
async function connectAgent(from: grpc.Client): Promise<unknown> {
  const stream = open(from, agentService.connect);
  onTestFinished(() => {
    stream.on("error", () => undefined); // our own cancelling
    stream.cancel();
  });
  for await (const message of received(stream)) return message;
  throw new Error("ended without a message");
}

test("a host's certificate opens the agent's stream and nothing else", async () => {
  const controller = await controllerHere(leastServices);
  const host = client(controller.ports.fleet, await joined(controller));
  expect(await refusal(listHosts(host))).toEqual({ status: "PERMISSION_DENIED", code: "not-permitted" });
  expect(await refusal(createToken(host))).toEqual({ status: "PERMISSION_DENIED", code: "not-permitted" });
  await expect(connectAgent(host)).resolves.toMatchObject({ body: "welcome" });
});

test("an operator's certificate does not open the agent's stream", async () => {
  const controller = await controllerHere(leastServices);
  const admin = await adminClient(controller.dataDir, controller.ports.fleet);
  expect(await refusal(connectAgent(admin))).toEqual({ status: "PERMISSION_DENIED", code: "not-permitted" });
  await expect(createToken(admin)).resolves.toMatchObject({ token: expect.stringMatching(/^ap1\./) });
});

test.each(["viewer", "operator"] as const)("a %s by certificate stays one, whatever the store says", async (role) => {
  const controller = await controllerHere(leastServices);
  const authority = await loadAuthority(join(controller.dataDir, "ca"));
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issued = await authority.issueOperator({ name: "carol", role, lifeMs: 3_600_000 }, publicKey, Date.now());
  await controller.store.operators.add("carol", "admin", issued, 3_600_000, Date.now());
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const carol = client(controller.ports.fleet, { ca: authority.root, cert: issued.pem, key });
  expect(await refusal(createToken(carol))).toEqual({ status: "PERMISSION_DENIED", code: "not-permitted" });
  await expect(listHosts(carol)).resolves.toMatchObject({ hosts: [] });
});

test("an admin by certificate is what the store says", async () => {
  const controller = await controllerHere(leastServices);
  const authority = await loadAuthority(join(controller.dataDir, "ca"));
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issued = await authority.issueOperator(
    { name: "dave", role: "admin" as const, lifeMs: 3_600_000 },
    publicKey,
    Date.now(),
  );
  await controller.store.operators.add("dave", "viewer", issued, 3_600_000, Date.now());
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const dave = client(controller.ports.fleet, { ca: authority.root, cert: issued.pem, key });
  expect(await refusal(createToken(dave))).toEqual({ status: "PERMISSION_DENIED", code: "not-permitted" });
});

test("a certificate that the store does not know is refused, though our CA signed it", async () => {
  const controller = await controllerHere(leastServices);
  const authority = await loadAuthority(join(controller.dataDir, "ca"));
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issued = await authority.issueHost("01JDAAAAAAAAAAAAAAAAAAAAAA", publicKey, Date.now());
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const stranger = client(controller.ports.fleet, { ca: authority.root, cert: issued.pem, key });
  expect(await refusal(listHosts(stranger))).toMatchObject({ status: "UNAVAILABLE" });
  expect(controller.output()).toContain("certificate not let in");
});

test("a revoked host is cut off and does not come back", async () => {
  const controller = await controllerHere(leastServices);
  const identity = await joined(controller);
  const host = client(controller.ports.fleet, identity);
  const stream = open(host, agentService.connect);
  const ended = new Promise<number>((settle) => stream.on("error", (error: grpc.ServiceError) => settle(error.code)));
  await new Promise((settle) => stream.once("data", settle));
  await controller.store.hosts.revoke(identity.hostId, { actor: "user/ada", at: Date.now() });
  expect(await refusal(listHosts(host))).toEqual({ status: "PERMISSION_DENIED", code: "revoked" });
  controller.cut((peer) => peer.kind === "host" && peer.id === identity.hostId);
  expect(await ended).toBe(grpc.status.UNAVAILABLE);
  expect(await refusal(listHosts(client(controller.ports.fleet, identity)))).toMatchObject({ status: "UNAVAILABLE" });
});

test("the fleet port refuses no certificate, another CA's, the server's own, an expired one, and TLS 1.2", async () => {
  const controller = await controllerHere(leastServices);
  const admin = await adminFiles(controller.dataDir);
  const rogue = await adminFiles(await dataDirectory());
  const serverPem = await readFile(join(controller.dataDir, "ca/server.pem"), "utf8");
  const authority = await loadAuthority(join(controller.dataDir, "ca"));
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const expired = await authority.issueHost("01JDAAAAAAAAAAAAAAAAAAAAAA", publicKey, Date.now() - 31 * 86_400_000);
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const { fleet, enrol } = controller.ports;
  const outcomes = {
    good: await handshake(fleet, admin),
    none: await handshake(fleet, { ca: admin.ca }),
    rogue: await handshake(fleet, { ...rogue, ca: admin.ca }),
    server: await handshake(fleet, { ca: admin.ca, cert: serverPem, key: serverPem }),
    expired: await handshake(fleet, { ca: admin.ca, cert: expired.pem, key }),
    "TLS 1.2": await handshake(fleet, { ...admin, maxVersion: "TLSv1.2" }),
    "TLS 1.2, enrol port": await handshake(enrol, { ca: admin.ca, maxVersion: "TLSv1.2" }),
    "enrol port": await handshake(enrol, { ca: admin.ca }),
  };
  const accepted = Object.entries(outcomes).filter(([, outcome]) => outcome === "accepted");
  expect(accepted.map(([name]) => name)).toEqual(["good", "enrol port"]);
  await until(() => controller.output().split("connection refused").length === 7);
  for (const why of ["INVALID_PURPOSE", "CERT_HAS_EXPIRED", "unsupported protocol"]) {
    expect(controller.output()).toContain(why);
  }
});

/** `accepted`, or the error by which the server ended it (in TLS 1.3 it comes after the client's handshake). */
function handshake(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((settle) => {
    const socket: TLSSocket = connect({ host: "localhost", port, ALPNProtocols: ["h2"], ...options });
    socket.once("error", (error) => settle("code" in error ? String(error.code) : error.message));
    socket.once("close", () => settle("closed"));
    socket.once("data", () => {
      settle("accepted"); // the server's HTTP/2 settings
      socket.destroy();
    });
  });
}

test("sessions are not resumed: that would skip the check of the certificate", async () => {
  const controller = await controllerHere(leastServices);
  const admin = await adminFiles(controller.dataDir);
  const options = { host: "localhost", port: controller.ports.fleet, ALPNProtocols: ["h2"], ...admin };
  const first = connect(options);
  const session = new Promise<Buffer>((settle) => first.once("session", settle));
  await new Promise((settle) => first.once("data", settle));
  const second = connect({ ...options, session: await session });
  await new Promise((settle) => second.once("data", settle));
  expect(second.isSessionReused()).toBe(false);
  first.destroy();
  second.destroy();
});

test("a failure inside reaches the caller without detail, and the log with it", async () => {
  const controller = await controllerHere((deps) => {
    const listHosts = unary(async () => {
      throw new Error("the secret is 42");
    });
    return { ...buildServices(deps), fleet: [{ definition: controlService, handlers: { listHosts } }] };
  });
  const admin = await adminClient(controller.dataDir, controller.ports.fleet);
  await expect(listHosts(admin)).rejects.toMatchObject({ code: grpc.status.INTERNAL, details: "internal error" });
  expect(controller.output()).toMatch(/call failed .*ListHosts/);
});

test("the enrol port has one method", async () => {
  const controller = await controllerHere(leastServices);
  const { ca } = await adminFiles(controller.dataDir);
  const nobody = client(controller.ports.enrol, { ca });
  expect(await refusal(listHosts(nobody))).toMatchObject({ status: "UNIMPLEMENTED" });
  const request = { tokenId: "", tokenSecret: "", csr: randomBytes(300), name: "x", labels: {}, agentVersion: "" };
  expect(await refusal(call(nobody, enrollService.enroll, request, 5_000))).toEqual({
    status: "INVALID_ARGUMENT",
    code: "bad-request",
  });
  const large = { ...request, csr: randomBytes(64 * 1024) };
  expect(await refusal(call(nobody, enrollService.enroll, large, 5_000))).toMatchObject({
    status: "RESOURCE_EXHAUSTED",
  });
});

test("an answer about thousands of hosts reaches the operator", async () => {
  const controller = await controllerHere(leastServices);
  const admin = await adminClient(controller.dataDir, controller.ports.fleet);
  const { digest } = await call(
    admin,
    controlService.planFleet,
    { pattern: "all", serial: "1", retryOf: "", rolloutFile: "" },
    30_000,
  );
  expect(digest).toHaveLength(LARGE_PLAN.digest.length);
});
