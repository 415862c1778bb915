import { gzipSync } from "node:zlib";
import type { Finding, FoundFile, Scan } from "@afterpatch/core/scan";
import { expect, test } from "vitest";
import { findingOf, kernelFinding } from "../fakes/finding.ts";
import { scanOf } from "../fakes/scan.ts";
import { type TrustedPlace, trustedPlace } from "./trusted-place.ts";

// What runs old code over the fleet, by stored reports: kept, asked, and shown at the command line.

const MINUTE = 60_000;
const CVE = "CVE-2026-28387";
const CURRENT = { running: "6.1.0", expected: "6.1.0", verdict: "current" } as const;

const ssl = (finding: Finding, change: Partial<FoundFile>): Finding => ({
  ...finding,
  files: finding.files.map((file) => ({ ...file, ...change })),
});
const service = (name: string, pid = 10) =>
  ssl(
    findingOf(
      "service",
      `${name}.service`,
      { pid, startTicks: pid, isOld: true },
      {
        kind: "restart-service",
        target: `${name}.service`,
      },
    ),
    { cves: [CVE, "CVE-2026-31789"] },
  );

interface Told {
  readonly at?: number;
  readonly unreadable?: number;
  readonly body?: Uint8Array;
}

/** The host's newest report has these findings. */
async function reports({ controller }: TrustedPlace, id: string, findings: readonly Finding[], told: Told = {}) {
  const { at = Date.now(), unreadable = 0 } = told;
  const scan: Scan = scanOf({ name: id, bootId: "b", kernel: CURRENT }, at, findings);
  const counts = { service: findings.length, "xinetd-session": 0, application: 0, kernel: 0, microcode: 0 };
  await controller.store.hosts.saveReport(
    id,
    {
      ...{ digest: `${at}`, scannedAt: at, bootId: "b", os: "debian 12", kernel: "6.1.0", findings: counts },
      ...{ reboot: false, unreadable, configError: null, body: told.body ?? gzipSync(JSON.stringify(scan)) },
    },
    at,
  );
}

const joined = async (place: TrustedPlace, name: string) => (await place.join(name)).identity.hostId;
/** Lines of a table, whatever its widths, and the seconds that have gone by. Hosts without an agent are late, and said to be. */
const lines = (text: string) =>
  text.split("\n").map((line) =>
    line
      .replace(/ +/g, " ")
      .replace(/\b\d+s\b/g, "0s")
      .trim(),
  );

test("cause, unit, hosts: folded, the strongest verdict, and what is unknown", async () => {
  const place = await trustedPlace();
  const [web01, web02, web03, db1] = [
    await joined(place, "web01"),
    await joined(place, "web02"),
    await joined(place, "web03"),
    await joined(place, "db1"),
  ];
  await joined(place, "new1");
  const suspected = ssl(service("app"), {
    verdict: "suspected",
    package: null,
    path: "/opt/app/a\u001b[2J.py",
    cves: null,
  });
  await reports(place, web01, [service("nginx", 10), service("nginx", 11), service("ssh")]);
  await reports(place, web02, [service("nginx", 20), service("ssh")]);
  await reports(place, web03, [service("ssh"), suspected, kernelFinding("6.1.0-41-amd64")]);
  await reports(place, db1, [], { unreadable: 2 });
  const { code, out } = await place.admin("status");
  expect(code).toBe(0);
  expect(lines(out)).toEqual([
    "CAUSE -> UNIT VERDICT NEEDS HOSTS WHICH",
    "libssl3 3.0.11-1 -> 3.0.11-2: libssl.so.3; fixes CVE-2026-31789, CVE-2026-28387",
    "ssh.service replaced restart-service 3 web[01:03]",
    "nginx.service replaced restart-service 2 web[01:02]",
    "/boot/vmlinuz-6.1.0-41-amd64",
    "kernel replaced reboot 1 web03",
    "/opt/app/a\\u{1b}[2J.py",
    "app.service suspected restart-service 1 web03",
    "",
    "Unknown: db1,web[01:03]: late; last report 0s ago",
    "Unknown: db1: 2 processes could not be looked at; last report 0s ago",
    "Unknown: new1: never reported",
    "5 hosts: 5 late; 8 findings: 8 service; 2 processes could not be looked at; 1 never reported",
    "",
  ]);
  const json = JSON.parse((await place.admin("status", "--by", "cause", "-o", "json")).out);
  expect(json).toMatchObject({ schema: "afterpatch.status/v1", hosts: [{ name: "db1" }, {}, {}, {}, {}] });
  expect(json.causes[0]).toMatchObject({
    package: { name: "libssl3", from: "3.0.11-1", to: "3.0.11-2" },
    hosts: 3,
    units: [{ owner: { name: "ssh.service" }, hosts: ["web01", "web02", "web03"] }, {}],
  });
  expect(JSON.parse((await place.admin("status", "-o", "json")).out)).not.toHaveProperty("causes");
}, 120_000);

const exitOf = async (place: TrustedPlace, ...args: readonly string[]) =>
  (await place.admin(...args, "--exit-code")).code;

test("users of a file, a package, a CVE; a host that is lost, silent or cannot tell is never clean", async () => {
  const now = Date.now();
  const place = await trustedPlace();
  const [web01, web02, web03, web04] = [
    await joined(place, "web01"),
    await joined(place, "web02"),
    await joined(place, "web03"),
    await joined(place, "web04"),
  ];
  await reports(place, web01, [service("nginx")], { at: now - 5 * MINUTE });
  await reports(place, web02, [
    service("nginx", 3),
    ssl(service("app"), { path: "/opt/x.so", package: null, cves: null }),
  ]);
  await reports(place, web03, [ssl(service("nginx"), { verdict: "unknown" })], { at: now - 3 * 24 * 60 * MINUTE });
  await reports(place, web04, []);
  const { out } = await place.admin("users", "libssl.so*");
  expect(lines(out).slice(0, 4)).toEqual([
    "FILE -> UNIT PROGRAM VERDICT HOSTS WHICH REPORT",
    "/usr/lib/x86_64-linux-gnu/libssl.so.3 (libssl3 3.0.11-1 -> 3.0.11-2)",
    "nginx.service /usr/sbin/nginx.service replaced 2 web[01:02] 0s to 5m",
    "nginx.service /usr/sbin/nginx.service unknown 1 web03 3d",
  ]);
  expect(out).toMatch(/^Unknown: web03: lost; last report 3d ago$/m);
  expect(out).toMatch(/^Unknown: web03: not known whether what it runs is old; last report 3d ago$/m);
  expect(out).toMatch(
    /^4 hosts: 2 run old code of it, by the last reports; of 4 it is not known whether that is all$/m,
  );
  const wide = lines((await place.admin("users", "libssl.so.3", "--hosts", "web[01:02]", "-o", "wide")).out);
  expect(wide.slice(2, 4).map((line) => line.split(" ").slice(-3).join(" "))).toEqual(["1 web01 5m", "1 web02 0s"]);
  const json = JSON.parse((await place.admin("users", "--cve", CVE.toLowerCase(), "-o", "json")).out);
  expect(json).toMatchObject({
    schema: "afterpatch.fleetusers/v1",
    asked: { hosts: null, cves: [CVE] },
    totals: { hosts: 4, using: 2, notUsing: 0 },
  });
  expect(json.hosts.map((host: Record<string, unknown>) => [host.name, host.uses])).toEqual([
    ["web01", true],
    ["web02", true],
    ["web03", null],
    ["web04", null],
  ]);
  expect(json.hosts[1].unknown).toEqual(["late", "no changelog tells what was fixed in some of its old code"]);
  const none = (await place.admin("users", "--cve", "CVE-2099-99999")).out;
  expect(none).toMatch(
    /^4 hosts: none run code from before the fix of CVE-2099-99999, by the last reports; of 4 it is not known$/m,
  );
  expect(none).toContain("Where the fix is not installed, reports tell nothing of it");
  expect(await exitOf(place, "users", "--package", "libssl*")).toBe(4); // nobody is connected
  const part = await place.admin("status", "--package", "libssl3");
  expect(part.out).not.toContain("/opt/x.so");
  expect(part.out).toMatch(/^What was asked for: 2 hosts of 4 run it, by the last reports$/m);
}, 120_000);

test("what cannot be asked is one clear line", async () => {
  const place = await trustedPlace();
  await joined(place, "web01");
  for (const [args, code, err] of [
    [["users"], 5, /^afterpatch: users: no file is named; name a path or a glob, --package or --cve\n$/],
    [["users", "--cve", "CVE-26-1"], 5, /^afterpatch: --cve: 'CVE-26-1' is no CVE id; write it like CVE-2026-28387\n$/],
    [["status", "--cve", "x"], 5, /^afterpatch: --cve: 'x' is no CVE id; .*\n$/],
    [["status", "--by", "host", "--package", "x"], 5, /^afterpatch: --by: /],
    [["users", "x", "--hosts", "db*"], 6, /^afterpatch: .*nothing matches 'db\*'.*\n$/],
  ] as const) {
    const ended = await place.admin(...args);
    expect([ended.code, ended.out], args.join(" ")).toEqual([code, ""]);
    expect(ended.err).toMatch(err);
  }
}, 120_000);

test("reports from before there was an index, of hosts let in again, and damaged ones are asked too; forgotten ones go", async () => {
  const place = await trustedPlace();
  const { store } = place.controller;
  const [web01, web02, web03] = [
    await joined(place, "web01"),
    await joined(place, "web02"),
    await joined(place, "web03"),
  ];
  await reports(place, web01, [service("nginx")]);
  await reports(place, web02, [service("nginx", 99)]);
  await reports(place, web03, [], { body: new Uint8Array([1]) });
  const said = await store.oldCode.said();
  expect(said.get(web01)).toBe(said.get(web02)); // kept once
  expect(said.get(web03)).toBe("");
  expect((await place.admin("status")).out).toMatch(/^Unknown: web03: its newest report cannot be read; last/m);
  await place.admin("hosts", "forget", "web01", "--reason", "x", "--yes");
  expect([...(await store.oldCode.said()).keys()].sort()).toEqual([web02, web03].sort());
  expect(await store.oldCode.found(said.get(web02) ?? "")).not.toBeNull();
  await reports(place, web02, [service("ssh")]);
  expect(await store.oldCode.found(said.get(web02) ?? "")).toBeNull();
  expect((await place.admin("users", "libssl*")).out).toContain("ssh.service");
}, 120_000);

test("a host that runs more than one message holds, and a fleet of more hosts, come whole", async () => {
  const place = await trustedPlace();
  const { store } = place.controller;
  const web01 = await joined(place, "web01");
  const many = Array.from({ length: 1_200 }, (_, nth) => service(`d${nth}`, nth + 1));
  // A large one is looked at in turns: what comes after it, and what is asked meanwhile, is not held up and not wrong.
  const large = reports(place, web01, [...many, service("gone", 2_000)]);
  const newer = reports(place, web01, many, { at: Date.now() + 1 });
  const key = (await store.oldCode.said()).get(web01);
  await Promise.all([large, newer]);
  expect((await store.oldCode.found(key ?? (await store.oldCode.said()).get(web01) ?? ""))?.uses.length).toBe(1_200);
  const json = JSON.parse((await place.admin("users", "libssl*", "-o", "json")).out);
  expect(json.users.length).toBe(1_200);
  const text = (await place.admin("users", "libssl*")).out;
  expect(text).toMatch(/^and 1100 more \(-o wide\)$/m);
  expect((await place.admin("status")).out).toMatch(/^ {2}and 1188 more units \(-o wide\)/m);
  expect((await store.oldCode.found((await store.oldCode.said()).get(web01) ?? ""))?.isCut).toBe(false);
}, 120_000);

test("a report that is small until it is unpacked holds nobody else up", async () => {
  const place = await trustedPlace();
  const web01 = await joined(place, "web01");
  const one = { ...service("nginx"), files: [] };
  const scan = scanOf({ name: web01, bootId: "b", kernel: CURRENT }, 1, Array<Finding>(10_000).fill(one));
  const body = gzipSync(JSON.stringify(scan));
  expect(body.length).toBeLessThan(32 * 1024);
  let turns = 0;
  let isSaved = false;
  const others = (): void => {
    turns += 1;
    if (!isSaved) setImmediate(others);
  };
  setImmediate(others);
  await reports(place, web01, [], { body });
  isSaved = true;
  expect(turns).toBeGreaterThan(50);
}, 60_000);
