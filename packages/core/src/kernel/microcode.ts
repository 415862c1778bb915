import type { Cpu, MicrocodeFacts, MicrocodeOffer } from "./facts.ts";

/** Newest revision for one processor in some microcode. */
export interface Offered {
  /** Null: none for it. */
  readonly revision: number | null;
  /** It differs by platform, and the platform is not known. */
  readonly ambiguous: boolean;
}

const NONE: Offered = { revision: null, ambiguous: false };
const MOST_UPDATES = 4096;

type Processor = Omit<Cpu, "revision">;

/** In a file of intel-ucode or amd-ucode, or the early initial RAM disk's collection of either. */
export function offeredBy(bytes: Uint8Array, cpu: Processor): Offered {
  return cpu.vendor === "intel" ? offeredByIntel(bytes, cpu) : offeredByAmd(bytes, cpu);
}

/** Updates one after the other, each with a header of 48 bytes (Intel SDM volume 3, 11.11 "Microcode update facilities"). */
function offeredByIntel(bytes: Uint8Array, cpu: Processor): Offered {
  const view = viewOf(bytes);
  const revisions: { readonly revision: number; readonly platforms: number }[] = [];
  let at = 0;
  for (let seen = 0; seen < MOST_UPDATES && at + 48 <= bytes.length; seen++) {
    const word = (offset: number): number => view.getUint32(at + offset, true);
    if (word(0) !== 1 || word(20) !== 1) break;
    const dataSize = word(28) || 2000;
    const totalSize = word(28) === 0 ? 2048 : word(32);
    if (totalSize < 48 + dataSize || at + totalSize > bytes.length) break;
    const wanted = intelSignature(cpu);
    const revision = word(4);
    if (sameIntel(word(12), wanted)) revisions.push({ revision, platforms: word(24) });
    for (const extended of extendedSignatures(view, at + 48 + dataSize, at + totalSize)) {
      if (sameIntel(extended.signature, wanted)) revisions.push({ revision, platforms: extended.platforms });
    }
    at += totalSize;
  }
  const { platform } = cpu;
  const known =
    platform === null
      ? revisions
      : revisions.filter(({ platforms }) => platforms === 0 || (platforms & platform) !== 0);
  if (known.length === 0) return NONE;
  const newest = known.reduce((most, { revision }) => Math.max(most, revision), 0); // too many to be arguments
  return { revision: newest, ambiguous: platform === null && known.some(({ revision }) => revision !== newest) };
}

/** Further processors that an update is for: a count, and 12 bytes each after a header of 20. */
function extendedSignatures(view: DataView, start: number, end: number) {
  const found: { readonly signature: number; readonly platforms: number }[] = [];
  if (start + 20 > end) return found;
  const count = Math.min(view.getUint32(start, true), MOST_UPDATES);
  for (let index = 0; index < count; index++) {
    const at = start + 20 + index * 12;
    if (at + 12 > end) break;
    found.push({ signature: view.getUint32(at, true), platforms: view.getUint32(at + 4, true) });
  }
  return found;
}

/** CPUID leaf 1, EAX, without the processor type in bits 12 and 13, which the firmware files may or may not hold. */
function intelSignature({ family, model, stepping }: Processor): number {
  const base = Math.min(family, 15);
  return (((family - base) << 20) | ((model >> 4) << 16) | (base << 8) | ((model & 15) << 4) | stepping) >>> 0;
}

function sameIntel(signature: number, wanted: number): boolean {
  return (signature & ~0x3000) >>> 0 === wanted;
}

/** Containers of an equivalence table and patches (drivers: arch/x86/kernel/cpu/microcode/amd.c). */
function offeredByAmd(bytes: Uint8Array, cpu: Processor): Offered {
  const view = viewOf(bytes);
  let newest: number | null = null;
  for (let at = 0; at + 12 <= bytes.length && view.getUint32(at, true) === 0x00414d44; ) {
    const tableSize = view.getUint32(at + 8, true);
    const patches = at + 12 + tableSize;
    if (view.getUint32(at + 4, true) !== 0 || patches > bytes.length) break;
    const equivalent = equivalentOf(view, at + 12, patches, intelSignature(cpu));
    at = patches;
    while (at + 8 <= bytes.length && view.getUint32(at, true) === 1) {
      const size = view.getUint32(at + 4, true);
      if (size < 32 || at + 8 + size > bytes.length) return { revision: newest, ambiguous: false };
      // patch_id at 4 and processor_rev_id at 24 of its header.
      const revision = view.getUint32(at + 8 + 4, true);
      if (equivalent !== null && view.getUint16(at + 8 + 24, true) === equivalent)
        newest = Math.max(newest ?? 0, revision);
      at += 8 + size;
    }
  }
  return { revision: newest, ambiguous: false };
}

function equivalentOf(view: DataView, start: number, end: number, signature: number): number | null {
  for (let at = start; at + 16 <= end; at += 16) {
    if (view.getUint32(at, true) === signature) return view.getUint16(at + 12, true);
  }
  return null;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export interface MicrocodeJudgement {
  readonly verdict: "current" | "outdated" | "unknown";
  /** Revisions as the kernel writes them, `0x2b000643`. */
  readonly running: string | null;
  /** What the next start would load. */
  readonly offered: string | null;
  readonly path: string | null;
  /** A newer revision may be waiting for a reboot. */
  readonly isOpen: boolean;
  readonly reasons: readonly string[];
  readonly notes: readonly string[];
}

/** Only what an initial RAM disk surely loads at the next start, and did not have at the last one, asks for a reboot. */
export function judgeMicrocode(facts: MicrocodeFacts): MicrocodeJudgement {
  const unknown = { verdict: "unknown", running: null, offered: null, path: null, reasons: [] } as const;
  if (facts.kind !== "read")
    return {
      ...unknown,
      isOpen: facts.kind === "unreadable",
      notes: [`Whether the microcode is old is not known: ${facts.why}.`],
    };
  const { cpu, offers, bootedAt } = facts;
  if (offers.every(({ revision }) => revision === null)) {
    const none = "Whether the microcode is old is not known: there is none for this processor on the disk.";
    return { ...unknown, running: hex(cpu.revision), isOpen: false, notes: [none] };
  }
  const running = hex(cpu.revision);
  const newer = offers.filter(({ revision }) => revision !== null && revision > cpu.revision);
  const [offer] = newer.toSorted((a, b) =>
    a.kind === b.kind ? (b.revision ?? 0) - (a.revision ?? 0) : a.kind === "initrd" ? -1 : 1,
  );
  if (!offer) return { verdict: "current", running, offered: null, path: null, isOpen: false, reasons: [], notes: [] };
  const offered = hex(offer.revision ?? 0);
  const at = { running, offered, path: offer.path };
  const doubt = whyDoubtful(offer, bootedAt);
  if (doubt !== null) {
    const note = `The microcode is revision ${running}, and ${offer.path} has ${offered}, but ${doubt.why}.`;
    return { ...unknown, ...at, isOpen: doubt.isOpen, notes: [note] };
  }
  const reason = `The microcode is revision ${running}; the next start would load ${offered} from ${offer.path}.`;
  return { ...at, verdict: "outdated", isOpen: true, reasons: [reason], notes: [] };
}

function whyDoubtful(
  { kind, ambiguous, modifiedAt }: MicrocodeOffer,
  bootedAt: number | null,
): { readonly why: string; readonly isOpen: boolean } | null {
  if (kind === "firmware")
    return { why: "no initial RAM disk was found that loads it at the next start", isOpen: true };
  if (ambiguous) return { why: "it has several, and which one is for this platform is not known", isOpen: true };
  // Without this a revision that the processor refuses would ask for a reboot for ever.
  if (bootedAt === null || modifiedAt <= bootedAt)
    return { why: "it was there at the last start already, and was not taken", isOpen: false };
  return null;
}

function hex(revision: number): string {
  return `0x${revision.toString(16)}`;
}
