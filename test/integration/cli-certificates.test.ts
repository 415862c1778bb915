import { createPrivateKey, X509Certificate } from "node:crypto";
import { appendFileSync, copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadAuthority } from "@afterpatch/controller/ca/authority";
import { issueOperator, issueRoot, issueServer, newKey, ROOT_MS, SERVER_MS } from "@afterpatch/controller/ca/issue";
import { expect, test } from "vitest";
import { cli } from "./cli-process.ts";
import { serveScript } from "./cli-scripted.ts";
import { newScript } from "./cli-fixtures.ts";
import { controllerHere, dataDirectory, type OpenedController } from "./in-process.ts";
import { temporaryDirectory } from "./programs.ts";

// Every way in which certificates do not fit is exit code 5, and each is told apart: a wrong certificate does not get
// better by waiting for the network.

const copyOf = async (dataDir: string) => {
  const directory = join(await temporaryDirectory(), "credentials");
  cpSync(join(dataDir, "admin"), directory, { recursive: true });
  return directory;
};
const ask = (credentials: string, port: number, host = "localhost") =>
  cli(["status", "--credentials", credentials, "--controller", `${host}:${port}`]).ended;

test.each<[string, (own: string, other: string, here: OpenedController) => Promise<string>, RegExp]>([
  [
    "an operator's certificate of another controller",
    async (own, other) => {
      for (const name of ["operator.crt", "operator.key"]) copyFileSync(join(other, name), join(own, name));
      return own;
    },
    /^afterpatch: credentials: operator\.crt in \S+ was not issued by ca\.crt beside it: they are of two controllers; ask an admin/,
  ],
  [
    "credentials of another controller",
    async (_own, other) => other,
    /^afterpatch: controller localhost:\d+: its certificate was not issued by \S+\/ca\.crt: it is another controller, or something stands between; check that --credentials and --controller belong together\n$/,
  ],
  [
    "an operator's certificate of another controller, whose CA is trusted too",
    async (own, other) => {
      appendFileSync(join(own, "ca.crt"), readFileSync(join(other, "ca.crt")));
      for (const name of ["operator.crt", "operator.key"]) copyFileSync(join(other, name), join(own, name));
      return own;
    },
    /^afterpatch: controller localhost:\d+: it does not let \S+\/operator\.crt in: it is of another controller, or was revoked; ask an admin/,
  ],
  [
    "a certificate that the controller does not know, or any more",
    async (own, _other, here) => {
      const key = newKey();
      const authority = await loadAuthority(join(here.dataDir, "ca"));
      writeFileSync(
        join(own, "operator.crt"),
        (
          await authority.issueOperator(
            { name: "mallory", role: "admin" as const, lifeMs: 3_600_000 },
            key.publicKey,
            Date.now(),
          )
        ).pem,
      );
      writeFileSync(join(own, "operator.key"), key.pem);
      return own;
    },
    /it does not let \S+\/operator\.crt in: it is of another controller, or was revoked;/,
  ],
])("%s", async (_name, spoil, message) => {
  const here = await controllerHere();
  const credentials = await spoil(await copyOf(here.dataDir), await copyOf(await dataDirectory()), here);
  const { code, err } = await ask(credentials, here.ports.fleet);
  expect(err).toMatch(message);
  expect([code, err.split("\n").length]).toEqual([5, 2]);
});

test("a controller that is called by a name that is not its own", async () => {
  const here = await controllerHere();
  const { code, err } = await ask(join(here.dataDir, "admin"), here.ports.fleet, "127.0.0.2");
  expect(err).toMatch(
    /^afterpatch: controller 127\.0\.0\.2:\d+: its certificate is for localhost, 127\.0\.0\.1, not for 127\.0\.0\.2; call it by one of its names\n$/,
  );
  expect(code).toBe(5);
  expect(await ask(join(here.dataDir, "admin"), here.ports.fleet, "127.0.0.1")).toMatchObject({ code: 0, err: "" });
});

const DAY_MS = 86_400_000;

/** A CA made at `rootAt`, a server's certificate made at `serverAt`, and an operator's of now; what `serveScript` wants. */
async function madeAt(rootAt: number, serverAt: number): Promise<{ directory: string; credentials: string }> {
  const directory = await temporaryDirectory();
  const credentials = join(directory, "operator");
  mkdirSync(credentials);
  const [rootKey, serverKey, operatorKey] = [newKey(), newKey(), newKey()];
  const root = await issueRoot(rootKey.pem, rootAt);
  const issuer = { certificate: new X509Certificate(root.pem), key: createPrivateKey(rootKey.pem), chain: "" };
  const server = await issueServer(issuer, ["localhost"], serverKey.publicKey, serverAt);
  const operator = await issueOperator(
    issuer,
    { name: "admin", role: "admin", lifeMs: DAY_MS },
    operatorKey.publicKey,
    Date.now(),
  );
  for (const place of [directory, credentials]) writeFileSync(join(place, "ca.crt"), root.pem);
  writeFileSync(join(directory, "server.crt"), server.pem);
  writeFileSync(join(directory, "server.key"), serverKey.pem);
  writeFileSync(join(credentials, "operator.crt"), operator.pem);
  writeFileSync(join(credentials, "operator.key"), operatorKey.pem);
  return { directory, credentials };
}

test.each<[string, number, RegExp]>([
  [
    "expired",
    -SERVER_MS - DAY_MS,
    /localhost:\d+: its certificate expired on \d{4}-\S+Z; start the controller anew, which renews it, or check both clocks\n$/,
  ],
  [
    "not yet valid",
    2 * DAY_MS,
    /localhost:\d+: its certificate is valid from \d{4}-\S+Z only; check the clocks of both machines\n$/,
  ],
])("a controller's certificate that is %s", async (_name, sinceMs, message) => {
  const { directory, credentials } = await madeAt(Date.now() - 365 * DAY_MS, Date.now() + sinceMs);
  const controller = await serveScript(directory, newScript());
  const { code, err } = await ask(credentials, controller.port);
  controller.kill();
  expect(err).toMatch(message);
  expect(code).toBe(5);
});

test("a CA that has expired is said before anybody is asked", async () => {
  const { credentials } = await madeAt(Date.now() - ROOT_MS - DAY_MS, Date.now());
  const { code, err } = await ask(credentials, 1);
  expect(err).toMatch(/^afterpatch: credentials: \S+\/ca\.crt expired on [^;]+; ask an admin/);
  expect(code).toBe(5);
});
