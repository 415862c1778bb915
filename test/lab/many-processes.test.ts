import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Payload, stagePayload } from "../e2e/payload.ts";
import { type Agent, agentOn } from "./agent.ts";
import { must } from "./commands.ts";
import { describeLab } from "./describe.ts";
import { execOk, type Host } from "./host.ts";
import { down, hostOf, up } from "./lab.ts";
import { replaceBuild } from "./rebuild.ts";

const name = `many-${process.pid}`;
const MANY = 20_000;
const OLD = 25;

await describeLab(`a host with ${MANY} processes`, () => {
  let payload: Payload;
  let host: Host;
  let agent: Agent;

  const start = (program: string, count: number) =>
    execOk(
      host,
      [
        "sh",
        "-euc",
        `systemd-run --quiet --unit=$1 --property=TasksMax=infinity /opt/$1 "$2" /run/$1
        for i in $(seq 600); do [ ! -e /run/$1 ] || exit 0; sleep 0.1; done; exit 1`,
        "sh",
        program,
        `${count}`,
      ],
      { timeoutMs: 120_000 },
    );

  beforeAll(async () => {
    payload = await stagePayload();
    await mkdir(join(payload.directory, "fixtures"));
    const source = join(import.meta.dirname, "many.c");
    const built = join(payload.directory, "fixtures/many");
    await must(["gcc", "-O1", "-Wall", "-Werror", "-Wl,--build-id=sha1", "-o", built, source]);
    host = hostOf(await up({ name, hosts: 1, payload: payload.directory }), 1);
    agent = agentOn(host);
    await execOk(host, ["sh", "-c", "cp /opt/afterpatch/fixtures/many /opt/current; cp /opt/current /opt/old"]);
    await start("current", MANY);
    await start("old", OLD - 1);
    await replaceBuild(host, "/opt/old");
  }, 300_000);
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  test("every one is looked at, and of all of them the old ones alone are named", { timeout: 120_000 }, async () => {
    const { findings, processes } = await agent.json<Scan>("scan");
    expect(processes.scanned).toBeGreaterThan(MANY);
    expect(processes.unreadable).toBe(0);
    expect(findings.map(({ owner }) => owner.name)).toEqual(Array(OLD).fill("old.service"));
  });
});
