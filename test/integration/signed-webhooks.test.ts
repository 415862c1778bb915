import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DEFAULT_CONFIG } from "@afterpatch/controller/config/config";
import { expect, onTestFinished, test } from "vitest";
import { controller, expectOneLine, PORTS } from "./controller-process.ts";
import { controllerHere, dataDirectory, type OpenedController } from "./in-process.ts";
import { temporaryDirectory, until } from "./programs.ts";

// What a receiver gets, verified as the Standard Webhooks specification says, from the headers and the raw body alone.

interface Got {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver that answers each attempt with what `answer` says. */
async function receiver(answer: (nth: number) => number) {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (part: string) => {
      body += part;
    });
    request.on("end", () => {
      got.push({ headers: request.headers, body });
      response.writeHead(answer(got.length)).end();
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo; // it listens on a port
  return { got, url: `http://127.0.0.1:${port}/hook` };
}

/** As a receiver that knows this secret alone. */
function isVerified({ headers, body }: Got, secret: string): boolean {
  const [id, at] = [String(headers["webhook-id"]), String(headers["webhook-timestamp"])];
  if (Math.abs(Date.now() / 1000 - Number(at)) > 300) return false;
  const key = Buffer.from(secret.trim().slice("whsec_".length), "base64");
  const right = createHmac("sha256", key).update(`${id}.${at}.${body}`).digest();
  return String(headers["webhook-signature"])
    .split(" ")
    .map((one) => one.split(","))
    .filter(([version]) => version === "v1")
    .map(([, signature = ""]) => Buffer.from(signature, "base64"))
    .some((signature) => signature.length === right.length && timingSafeEqual(signature, right));
}

async function secretFile(): Promise<{ readonly path: string; readonly secret: string }> {
  const secret = `whsec_${randomBytes(32).toString("base64")}\n`;
  const path = join(await temporaryDirectory(), "secret");
  await writeFile(path, secret, { mode: 0o600 });
  return { path, secret };
}

const freeze = ({ store }: OpenedController, reason: string) => {
  const at = Date.now();
  return store.holds.setFreeze({ actor: "ops", reason, since: at, until: null }, { actor: "user/ops", at });
};

test("events are told signed by both secrets, and again under the same id until they were heard", async () => {
  const [fresh, old, other] = [await secretFile(), await secretFile(), await secretFile()];
  const { got, url } = await receiver((nth) => (nth <= 2 ? 503 : 204));
  const webhook = { url, on: ["fleet.*"], secretFiles: [fresh.path, old.path] };
  const here = await controllerHere(undefined, { ...DEFAULT_CONFIG, webhooks: [webhook] });
  await freeze(here, "sales day");
  await until(() => got.length >= 3);
  for (const one of got) {
    expect([fresh, old, other].map(({ secret }) => isVerified(one, secret))).toEqual([true, true, false]);
    expect(isVerified({ ...one, body: one.body.replace("sales", "sale5") }, fresh.secret)).toBe(false);
    expect(isVerified({ ...one, headers: { ...one.headers, "webhook-id": "evt_2" } }, fresh.secret)).toBe(false);
  }
  expect(new Set(got.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  expect(JSON.parse(got[0]?.body ?? "")).toMatchObject({
    type: "fleet.freeze",
    data: { schema: "afterpatch.event/v1", actor: "user/ops", details: { reason: "sales day" } },
  });
  const text = (await readFile(fresh.path, "utf8")).trim();
  expect(here.output()).toContain("webhook not told");
  expect(here.output()).not.toContain(text.slice(6, 20));
});

test("a secret that is changed signs from then on, and what happened while the controller was away is told", async () => {
  const { path, secret } = await secretFile();
  const next = await secretFile();
  let isUp = true;
  const { got, url } = await receiver(() => (isUp ? 204 : 503));
  const config = { ...DEFAULT_CONFIG, webhooks: [{ url, on: ["fleet.freeze"], secretFiles: [path] }] };
  const dataDir = await dataDirectory();
  const first = await controllerHere(undefined, config, dataDir);
  await freeze(first, "one");
  await until(() => got.length === 1);
  await writeFile(path, next.secret);
  isUp = false;
  await freeze(first, "two");
  await until(() => got.length >= 2);
  await first.close();
  const tried = got.length;
  isUp = true;
  await controllerHere(undefined, config, dataDir);
  await until(() => got.length === tried + 1);
  const last = got.at(-1);
  expect(last && [secret, next.secret].map((one) => isVerified(last, one))).toEqual([false, true]);
  expect([...new Set(got.map(({ headers }) => headers["webhook-id"]))].length).toBe(2);
  expect(last?.body).toContain("two");
});

test.each<[string, string, number, RegExp]>([
  ["others may read", `whsec_${Buffer.alloc(32, 7).toString("base64")}`, 0o644, /others may read the secret/],
  ["is no secret", "hunter2-hunter2", 0o600, /holds no secret/],
])("serve does not start with a secret file that %s, and does not show it", async (_name, text, mode, message) => {
  const folder = await temporaryDirectory();
  const [secret, file] = [join(folder, "secret"), join(folder, "c.yaml")];
  await writeFile(secret, text);
  await chmod(secret, mode);
  await writeFile(file, `webhooks: [{url: "http://x/", secretFile: "${secret}"}]\n`);
  const ended = controller(["serve", "--data-dir", await dataDirectory(), "--config", file, ...PORTS]);
  expectOneLine(ended, 5, message);
  expect(ended.stderr).not.toContain(text.slice(0, 12));
});
