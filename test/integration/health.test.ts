import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttp, type RequestListener } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { get, httpProbe, tcpProbe } from "@afterpatch/controller/health/network";
import { prometheusProbe } from "@afterpatch/controller/health/prometheus";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

const soon = () => AbortSignal.timeout(500);

async function listening(answer: RequestListener): Promise<string> {
  const server = createHttp(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  // A server that listens on TCP has an address of this form.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("tcp", () => {
  test("a port that accepts, one that refuses, a name that is none", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    // As above.
    const { port } = server.address() as AddressInfo;
    expect(await tcpProbe("127.0.0.1", port, soon())).toBeNull();
    server.close();
    await once(server, "close");
    expect(await tcpProbe("127.0.0.1", port, soon())).toBe(`127.0.0.1:${port}: ECONNREFUSED`);
    expect(await tcpProbe("no-such-host.invalid", port, AbortSignal.timeout(5000))).toMatch(
      /ENOTFOUND|EAI_AGAIN|in time/,
    );
    expect(await tcpProbe("127.0.0.1", port, AbortSignal.abort())).toContain("in time");
  });
});

describe("http", () => {
  const expectation = { expect: 200, contains: null };
  test.each<[string, RequestListener, Partial<{ expect: number; contains: string }>, string | null]>([
    ["200", (_, response) => response.end("ok"), {}, null],
    ["503", (_, response) => response.writeHead(503).end("down"), {}, "answered 503, and 200 was expected"],
    ["503 that is expected", (_, response) => response.writeHead(503).end(), { expect: 503 }, null],
    ["a redirect is an answer", (_, response) => response.writeHead(302, { location: "/" }).end(), {}, "answered 302"],
    ["words", (_, response) => response.end("all is well"), { contains: "well" }, null],
    [
      "other words",
      (_, response) => response.end("all is \u001b[2Jlost"),
      { contains: "well" },
      "does not contain well",
    ],
    ["no end", (_, response) => void response.write("..."), {}, "did not answer in time"],
    ["no answer", () => {}, {}, "did not answer in time"],
    ["too much", (_, response) => void response.end(Buffer.alloc(2 * 1024 * 1024)), {}, "larger than 1048576 bytes"],
    ["an end in the middle", (request) => void request.socket.destroy(), {}, "ECONNRESET"],
  ])("%s", async (_name, answer, partial, why) => {
    const url = await listening(answer);
    const held = await httpProbe({ url: `${url}/healthz`, ...expectation, ...partial }, soon());
    expect(held).toEqual(why === null ? null : expect.stringContaining(why));
  });

  test("an address that is none", async () => {
    expect(await get("http://[", soon())).toBe("http://[ is not an address");
  });
});

const isMissing = spawnSync("prometheus", ["--version"]).error !== undefined;
describe.skipIf(isMissing)(`Prometheus${isMissing ? " (skipped: no prometheus)" : ""}`, () => {
  let url = "";
  let stop = async () => {};
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "afterpatch-prometheus-"));
    await writeFile(join(folder, "prometheus.yml"), "global: {scrape_interval: 1s}\n");
    const port = await freePort();
    const options = [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const child = spawn("prometheus", options, { stdio: "ignore" });
    url = `http://127.0.0.1:${port}`;
    stop = async () => {
      child.kill();
      await once(child, "exit");
      await rm(folder, { recursive: true });
    };
    for (
      let tries = 0;
      tries < 100 && (await httpProbe({ url: `${url}/-/ready`, expect: 200, contains: null }, soon())) !== null;
      tries++
    ) {
      await sleep(100);
    }
  });
  afterAll(() => stop());

  const query = (text: string, onError: "block" | "pass" = "block") => ({ url: `${url}/`, query: text, onError });
  test.each([
    ["vector(1)", null],
    ["1", null],
    ["vector(1) > bool 0", null],
    ["vector(0)", "is 0"],
    ["vector(NaN)", "is NaN"],
    ["vector(1) > 2", "has no result"],
    ["absent(no_such_series)", null],
    ["vector(1)[1m:1s]", "a vector or scalar is needed"],
    ["vector(", "Prometheus cannot tell"],
  ])("%s", async (text, why) => {
    expect(await prometheusProbe(query(text), soon())).toEqual(why === null ? null : expect.stringContaining(why));
  });

  test("a server that cannot tell blocks, or passes where that was wanted", async () => {
    const nobody = { url: `http://127.0.0.1:${await freePort()}`, query: "1" };
    expect(await prometheusProbe({ ...nobody, onError: "block" }, soon())).toContain("ECONNREFUSED");
    expect(await prometheusProbe({ ...nobody, onError: "pass" }, soon())).toBeNull();
    const strange = await listening((_, response) =>
      response.end('{"status":"success","data":{"resultType":"vector","result":[{"value":7}]}}'),
    );
    expect(await prometheusProbe({ url: strange, query: "1", onError: "block" }, soon())).toContain(
      "a value that is none",
    );
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  // As above.
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
