import { expect, test } from "vitest";
import { useBench, WEB01 } from "./cli-fixtures.ts";

// Hosts whose newest scan failed, as an operator sees them.

const bench = useBench();

test("status says of a host that could not be scanned since when and why, and nothing of it looks clean", async () => {
  const clean = { service: 0, xinetdSession: 0, application: 0, kernel: 0, microcode: 0 };
  const scanFailed = { at: Date.now() - 300_000, why: "no end within 600 s\u001b[2J" };
  bench.script.status = { hosts: [{ ...WEB01, findings: clean, reboot: 1, scanFailed }] };
  const { out } = await bench.run("status", "--by", "host");
  expect(out).toMatch(/^web01 +connected +6\.1\.0-40-amd64 +\? +\? +\? +\? +\? +\? +\d+d$/m);
  const said = "no end within 600 s\\u{1b}[2J";
  expect(out).toContain(`\nNot scanned: web01: scan failed 5m ago: ${said}; shown as last reported\n`);
  expect(out).toMatch(/\n1 host: 1 connected; 1 host could not be scanned\n$/);
  const document = JSON.parse((await bench.run("status", "-o", "json")).out);
  expect(document).toMatchObject({
    hosts: [{ findings: { service: 0 }, scanFailed: { at: scanFailed.at, why: said } }],
    totals: { scanFailed: 1 },
  });
  expect((await bench.run("status", "--exit-code")).code).toBe(4);
});

test("a scan that was asked for and failed is said once; old code found before is likely there still", async () => {
  const scanFailed = { at: 1, why: "no end within 600 s" };
  const notScanned = "scan failed: no end within 600 s";
  bench.script.status = { hosts: [{ ...WEB01, scanFailed, notScanned }] };
  const { code, out } = await bench.run("scan", "all", "--by", "host");
  expect(code).toBe(4);
  expect(out.match(/Not scanned/g)).toHaveLength(1);
  expect(out).toMatch(/^web01 +connected +6\.1\.0-40-amd64 +2 +1 +\? +1 +\? +needed/m);
});
