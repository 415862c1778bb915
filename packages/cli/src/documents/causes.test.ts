import { expect, test } from "vitest";
import { renderCauses } from "../render/causes.ts";
import { someHosts } from "../render/some-hosts.ts";
import { plain } from "../shell.ts";
import { causesOf } from "./causes.ts";
import type { UseDocument } from "./old-code.ts";

const use = (unit: string, file: string, change: Partial<UseDocument> = {}): UseDocument => ({
  kind: "service",
  owner: { kind: "service", manager: "systemd", name: unit },
  program: `/usr/sbin/${unit}`,
  verdict: "replaced",
  file: { path: `/usr/lib/${file}`, kind: "library", package: { name: "libssl3", from: "1", to: "2" } },
  cves: { ids: ["CVE-2026-1111"], count: 1 },
  remedy: { kind: "restart-service", target: unit, automatic: true },
  ...change,
});
const named = (count: number) => Array.from({ length: count }, (_, nth) => `web${String(nth + 1).padStart(4, "0")}`);

test("two files of one package are one cause, and a unit stands there once, with its strongest verdict", () => {
  const suspected = { verdict: "suspected" };
  const [cause, ...others] = causesOf([
    { hosts: ["web2"], uses: [use("nginx", "libssl.so", suspected), use("nginx", "libcrypto.so")] },
    { hosts: ["web1"], uses: [use("nginx", "libssl.so"), use("app", "libssl.so", suspected)] },
  ]);
  expect(others).toEqual([]);
  expect([cause?.hosts, cause?.files]).toEqual([2, ["/usr/lib/libcrypto.so", "/usr/lib/libssl.so"]]);
  const units = cause?.units.map(({ owner, verdict, hosts }) => [owner.name, verdict, hosts.join()]);
  expect(units).toEqual([
    ["nginx", "replaced", "web1,web2"],
    ["app", "suspected", "web1"],
  ]);
});

test("what was upgraded between other versions, or is of no package, is another cause; the most hosts first", () => {
  const other = { path: "/usr/lib/libssl.so", kind: "library", package: { name: "libssl3", from: "0", to: "2" } };
  const own = { path: "/opt/x.so", kind: "library", package: null };
  const causes = causesOf([
    { hosts: ["a1"], uses: [use("nginx", "x", { file: other }), use("nginx", "x", { file: own, cves: null })] },
    { hosts: ["a2", "a3"], uses: [use("nginx", "libssl.so")] },
  ]);
  expect(causes.map((cause) => [cause.package?.from ?? cause.files[0], cause.hosts])).toEqual([
    ["1", 2],
    ["/opt/x.so", 1],
    ["0", 1],
  ]);
});

test("a fleet of 20,000 hosts is a few lines, and what is cut is counted", () => {
  const names = named(20_000);
  const odd = names.filter((_, nth) => nth % 2 === 0);
  const causes = causesOf([
    { hosts: names, uses: [use("ssh", "libssl.so")] },
    { hosts: odd, uses: [use("nginx", "libssl.so", { verdict: "unknown" })] },
  ]);
  const text = renderCauses(causes, plain, false);
  expect(text.split("\n").length).toBe(5);
  expect(text).toMatch(/^ {2}ssh +replaced +restart-service +20000 +web\[0001:9999\],web\[10000:20000\]$/m);
  expect(text).toMatch(/^ {2}nginx +unknown +restart-service +10000 +web0001,web0003,.* and 9995 more$/m);
});

test.each<[string, readonly string[], string]>([
  ["a range", named(3), "web[0001:0003]"],
  ["one more than are shown is shown", ["a", "b", "c", "d", "e", "f"], "a,b,c,d,e,f"],
  ["hosts are counted, not ranges", ["a", "b", "c", "d", ...named(9), "x", "y"], "a,b,c,d,web[0001:0009] and 2 more"],
])("some hosts: %s", (_name, names, expected) => {
  expect(someHosts(names, false)).toBe(expected);
  expect(someHosts(names, true)).not.toContain("more");
});
