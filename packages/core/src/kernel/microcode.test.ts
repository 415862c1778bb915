import { expect, test } from "vitest";
import { parseCpus } from "./cpus.ts";
import type { Cpu, MicrocodeFacts, MicrocodeOffer } from "./facts.ts";
import { judgeMicrocode, offeredBy } from "./microcode.ts";

const INTEL: Cpu = { vendor: "intel", family: 6, model: 0x8f, stepping: 8, revision: 0x2b000603, platform: 0x10 };
const AMD: Cpu = { vendor: "amd", family: 0x19, model: 1, stepping: 1, revision: 0x0a0011d1, platform: null };

function words(...values: readonly number[]): readonly number[] {
  return values.flatMap((value) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]);
}

/** One update of Intel's with 16 bytes of data, perhaps for further processors. */
function intel(
  revision: number,
  signature: number,
  platforms: number,
  more: readonly (readonly [number, number])[] = [],
) {
  const extended =
    more.length > 0
      ? [...words(more.length, 0, 0, 0, 0), ...more.flatMap(([other, mask]) => words(other, mask, 0))]
      : [];
  const head = words(1, revision, 0x01012025, signature, 0, 1, platforms, 16, 64 + extended.length, 0, 0, 0);
  return [...head, ...words(0, 0, 0, 0), ...extended];
}

test.each([
  ["its own", intel(0x2b000643, 0x806f8, 0x10), { revision: 0x2b000643, ambiguous: false }],
  ["the newest of two", [...intel(7, 0x806f8, 0x10), ...intel(5, 0x806f8, 0x10)], { revision: 7, ambiguous: false }],
  ["none for its platform", intel(7, 0x806f8, 0x02), { revision: null, ambiguous: false }],
  ["none for its model", intel(7, 0x806f4, 0x10), { revision: null, ambiguous: false }],
  ["by an extended signature", intel(9, 0x806f4, 0x10, [[0x806f8, 0x10]]), { revision: 9, ambiguous: false }],
  ["cut off", intel(9, 0x806f8, 0x10).slice(0, 60), { revision: null, ambiguous: false }],
  ["nothing", [], { revision: null, ambiguous: false }],
])("Intel: %s", (_name, bytes, expected) => expect(offeredBy(Uint8Array.from(bytes), INTEL)).toEqual(expected));

test("Intel: revisions that differ by a platform that is not known", () => {
  const bytes = Uint8Array.from([...intel(7, 0x806f8, 0x10), ...intel(5, 0x806f8, 0x02)]);
  expect(offeredBy(bytes, { ...INTEL, platform: null })).toEqual({ revision: 7, ambiguous: true });
});

/** A container of AMD's with one processor and one patch. */
function amd(signature: number, equivalent: number, patched: number, revision: number) {
  const table = [...words(signature, 0, 0, equivalent), ...words(0, 0, 0, 0)];
  const patch = [...words(0x20250101, revision, 0, 0, 0, 0, patched), ...words(0)];
  return [...words(0x00414d44, 0, table.length), ...table, ...words(1, patch.length), ...patch];
}

test.each([
  ["its own", amd(0xa00f11, 0xa011, 0xa011, 0x0a0011d5), 0x0a0011d5],
  ["in a second container", [...amd(0x800f12, 0x8012, 0x8012, 5), ...amd(0xa00f11, 0xa011, 0xa011, 7)], 7],
  ["not in the table", amd(0xa00f12, 0xa011, 0xa011, 7), null],
  ["no patch for it", amd(0xa00f11, 0xa011, 0xa012, 7), null],
  ["cut off", amd(0xa00f11, 0xa011, 0xa011, 7).slice(0, 70), null],
])("AMD: %s", (_name, bytes, revision) => {
  expect(offeredBy(Uint8Array.from(bytes), AMD)).toEqual({ revision, ambiguous: false });
});

const BOOT = 1_000_000;
const INITRD: MicrocodeOffer = {
  path: "/boot/initrd",
  kind: "initrd",
  revision: 0x2b000643,
  ambiguous: false,
  modifiedAt: BOOT + 1,
};

function judged(...offers: readonly MicrocodeOffer[]) {
  const facts: MicrocodeFacts = { kind: "read", cpu: INTEL, offers, bootedAt: BOOT };
  const { verdict, isOpen, reasons } = judgeMicrocode(facts);
  return { verdict, isOpen, reasons: reasons.length };
}

test.each([
  ["a newer one in a new RAM disk", [INITRD], { verdict: "outdated", isOpen: true, reasons: 1 }],
  ["the same", [{ ...INITRD, revision: INTEL.revision }], { verdict: "current", isOpen: false, reasons: 0 }],
  ["an older one", [{ ...INITRD, revision: 1 }], { verdict: "current", isOpen: false, reasons: 0 }],
  ["none for this processor", [{ ...INITRD, revision: null }], { verdict: "unknown", isOpen: false, reasons: 0 }],
  [
    "one that was refused at the last start",
    [{ ...INITRD, modifiedAt: BOOT - 1 }],
    { verdict: "unknown", isOpen: false, reasons: 0 },
  ],
  ["for one of several platforms", [{ ...INITRD, ambiguous: true }], { verdict: "unknown", isOpen: true, reasons: 0 }],
  [
    "a package that no RAM disk holds",
    [{ ...INITRD, kind: "firmware" as const }],
    { verdict: "unknown", isOpen: true, reasons: 0 },
  ],
])("%s", (_name, offers, expected) => expect(judged(...offers)).toEqual(expected));

const CPUINFO = `processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model		: 143
model name	: Intel(R) Xeon(R) Platinum 8488C
stepping	: 8
microcode	: 0x2b000643
flags		: fpu vme de
`;

test("the oldest revision of all processors counts", () => {
  const { platform: _platform, ...cpu } = INTEL;
  expect(parseCpus(`${CPUINFO}\n${CPUINFO.replace("0x2b000643", "0x2b000603")}`)).toEqual({ kind: "read", cpu });
});

test.each([
  ["a virtual machine", CPUINFO.replace("de\n", "de hypervisor lahf_lm\n")],
  ["another maker", CPUINFO.replace("GenuineIntel", "CentaurHauls")],
  ["another architecture", "processor\t: 0\nBogoMIPS\t: 50.00\n"],
  ["no revision", CPUINFO.replace(/microcode.*\n/, "")],
])("%s is not looked at", (_name, text) => expect(parseCpus(text).kind).toBe("skipped"));
