import { expect, test } from "vitest";
import { NO_FILTER } from "../plan/filter.ts";
import type { Finding, FoundFile, Scan } from "../scan.ts";
import { oldCodeFilter, oldCodeOf } from "./old-code.ts";

const SSL: FoundFile = {
  path: "/usr/lib/x86_64-linux-gnu/libssl.so.3",
  kind: "library",
  verdict: "replaced",
  buildId: { mapped: "aa", onDisk: "bb" },
  package: { name: "libssl3", from: "3.0.17-1", to: "3.0.19-1", installedAt: 5 },
  cves: ["CVE-2026-28387"],
};
const CRYPTO: FoundFile = { ...SSL, path: "/usr/lib/x86_64-linux-gnu/libcrypto.so.3" };
const OWN: FoundFile = { ...SSL, path: "/opt/app/libssl.so.3", package: null, cves: null, verdict: "suspected" };

function finding(name: string, pid: number, files: readonly FoundFile[], more: Partial<Finding> = {}): Finding {
  return {
    id: `${name}${pid}`,
    verdict: "replaced",
    kind: "service",
    process: { pid, startTicks: pid, startedAt: pid, user: "root", executable: `/usr/sbin/${name}`, command: name },
    owner: { kind: "service", manager: "systemd", name: `${name}.service` },
    files,
    remedy: { kind: "restart-service", target: `${name}.service`, automatic: true, reason: "x" },
    ...more,
  };
}

function scan(...findings: readonly Finding[]): Scan {
  const kernel = { running: "6.1.0", expected: "6.1.0", verdict: "current" as const };
  return {
    schema: "afterpatch.scan/v1",
    host: { id: null, name: "web01", bootId: "b", os: "debian 12", kernel },
    ...{ startedAt: 1, elapsedMs: 1, processes: { seen: 1, scanned: 1, vanished: 0, unreadable: 0 } },
    ...{ findings, unreadable: [], notes: [], reboot: { required: false, reasons: [] } },
  };
}

test("hosts that differ in pids, order and times of installation alone say the same", () => {
  const one = oldCodeOf(scan(finding("nginx", 10, [SSL, CRYPTO]), finding("sshd", 20, [CRYPTO])));
  const later = { ...SSL, package: SSL.package && { ...SSL.package, installedAt: 9 } };
  const other = oldCodeOf(
    scan(finding("sshd", 3, [CRYPTO]), finding("sshd", 4, [CRYPTO]), finding("nginx", 5, [CRYPTO, later])),
  );
  expect(JSON.stringify(other)).toBe(JSON.stringify(one));
  expect(one.uses.length).toBe(3);
});

test.each<[string, Partial<FoundFile>]>([
  ["another version on the disk", { package: { name: "libssl3", from: "3.0.17-1", to: "3.0.20-1", installedAt: 5 } }],
  ["other CVEs", { cves: [] }],
  ["CVEs that nobody can tell", { cves: null }],
  ["another verdict", { verdict: "removed" }],
])("%s is another thing to say", (_name, change) => {
  const said = (file: FoundFile) => JSON.stringify(oldCodeOf(scan(finding("nginx", 1, [file]))));
  expect(said({ ...SSL, ...change })).not.toBe(said(SSL));
});

test("of one program and file the strongest verdict stands, and an identical file is no use", () => {
  const suspected = { ...SSL, verdict: "suspected" } as const;
  const { uses } = oldCodeOf(
    scan(finding("nginx", 1, [suspected]), finding("nginx", 2, [SSL, { ...CRYPTO, verdict: "identical" }])),
  );
  expect(uses).toEqual([[0, 0, "replaced"]]);
});

test("what is more than is kept is said to be more", () => {
  const many = Array.from({ length: 5_001 }, (_, nth) => finding(`d${nth}`, nth, [SSL]));
  const { uses, isCut } = oldCodeOf(scan(...many));
  expect([uses.length, isCut]).toEqual([5_000, true]);
  expect(oldCodeOf(scan(...many.slice(1))).isCut).toBe(false);
});

test.each<[string, Partial<typeof NO_FILTER>, readonly string[], number]>([
  ["nothing asked: everything", {}, ["app /opt/app/libssl.so.3", "nginx libcrypto", "nginx libssl"], 0],
  ["a soname", { libraries: ["libssl.so.3"] }, ["app /opt/app/libssl.so.3", "nginx libssl"], 0],
  ["a glob", { libraries: ["libcrypto*"] }, ["nginx libcrypto"], 0],
  ["a package", { packages: ["libssl*"] }, ["nginx libcrypto", "nginx libssl"], 0],
  ["a unit", { units: ["app"] }, ["app /opt/app/libssl.so.3"], 0],
  ["a kind", { kinds: ["kernel"] }, [], 0],
  ["all of one file and its user", { units: ["app"], packages: ["libssl3"] }, [], 0],
  ["a CVE, and of what nobody can tell it", { cves: ["CVE-2026-28387"] }, ["nginx libcrypto", "nginx libssl"], 1],
  ["a CVE that no changelog names", { cves: ["CVE-2026-1111"] }, [], 1],
  ["a CVE in a package that can tell", { cves: ["CVE-2026-1111"], packages: ["libssl3"] }, [], 0],
])("a question: %s", (_name, asked, expected, untold) => {
  const oldCode = oldCodeOf(scan(finding("app", 1, [OWN]), finding("nginx", 2, [SSL, CRYPTO])));
  const answer = oldCodeFilter({ ...NO_FILTER, ...asked })(oldCode);
  const shown = answer.uses.map(({ user, file }) => {
    const [, name] = /^\/usr\/.*\/(lib\w+)\.so/.exec(file.path) ?? [];
    return `${user.owner.name.replace(".service", "")} ${name ?? file.path}`;
  });
  expect([shown, answer.untold]).toEqual([expected, untold]);
});
