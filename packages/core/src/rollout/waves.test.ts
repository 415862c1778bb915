import { expect, test } from "vitest";
import type { WaveSpec } from "../rollout-file/spec.ts";
import { type WaveHost, wavesOf } from "./waves.ts";

const FLEET: readonly WaveHost[] = [
  ["web1", "web", "a", "debian 12"],
  ["web2", "web", "a", "debian 12"],
  ["web3", "web", "b", "debian 13"],
  ["db1", "db", "b", "debian 12"],
  ["db2", "db", "c", "debian 12"],
].map(([id = "", role = "", zone = "", os = ""]) => ({ id, name: id, labels: { role, zone }, os, kernel: "6.1" }));

const WAVE: WaveSpec = {
  name: "all",
  select: null,
  pick: null,
  ramp: [{ kind: "hosts", count: 1 }],
  mode: "slide",
  after: [],
  bakeMs: 0,
  isApproved: false,
  leaderLast: null,
  by: [],
};

function hostsOf(specs: readonly Partial<WaveSpec>[], selected = FLEET, working = (_id: string) => true) {
  const full = specs.map((spec, index) => ({ ...WAVE, name: `w${index}`, ...spec }));
  const made = wavesOf(full, selected, FLEET, working);
  return made.kind === "waves" ? [...made.waves.map(({ hostIds }) => hostIds.join(" ")), made.left.join(" ")] : made;
}

test.each<[string, readonly Partial<WaveSpec>[], readonly string[]]>([
  ["one wave of all", [{}], ["web1 web2 web3 db1 db2", ""]],
  [
    "each host is in the first wave that names it",
    [{ select: "web1" }, { select: "role=web" }, {}],
    ["web1", "web2 web3", "db1 db2", ""],
  ],
  ["what no wave names is left", [{ select: "role=db" }], ["db1 db2", "web1 web2 web3"]],
  ["a wave whose hosts were all taken is empty", [{}, { select: "role=db" }], ["web1 web2 web3 db1 db2", "", ""]],
  ["one of each os", [{ pick: { per: ["os"], count: 1 } }, {}], ["web1 web3", "web2 db1 db2", ""]],
  ["one of each role and zone", [{ pick: { per: ["role", "zone"], count: 1 } }], ["web1 web3 db1 db2", "web2"]],
  ["two of each role", [{ pick: { per: ["role"], count: 2 } }], ["web1 web2 db1 db2", "web3"]],
  [
    "a label that nobody has is one combination",
    [{ pick: { per: ["rack"], count: 1 } }],
    ["web1", "web2 web3 db1 db2"],
  ],
  ["the smallest zone first, then by name", [{ by: ["zone"] }], ["db2 web1 web2 web3 db1", ""]],
])("%s", (_name, specs, expected) => expect(hostsOf(specs)).toEqual(expected));

test("hosts that have nothing to do do not stand for others", () => {
  expect(hostsOf([{ pick: { per: ["role"], count: 1 } }], FLEET, (id) => id === "web3" || id === "db2")).toEqual([
    "web3 db2",
    "web1 web2 db1",
  ]);
});

test("a pattern of a wave is over the fleet and takes of the selection", () => {
  expect(hostsOf([{ select: "role=db" }, {}], FLEET.slice(0, 2))).toEqual(["", "web1 web2", ""]);
  expect(hostsOf([{ select: "role=dbx" }])).toMatchObject({ kind: "nothing", wave: "w0", why: { kind: "unmatched" } });
});

test("percentages are of the wave's hosts that have work", () => {
  const ramp = [{ kind: "percent", percent: 50 }] as const;
  const made = wavesOf([{ ...WAVE, ramp }], FLEET, FLEET, (id) => id !== "db2");
  expect(made).toMatchObject({ kind: "waves", waves: [{ ramp: [2] }] });
});
