import { createHash } from "node:crypto";

/** One line of the controller's audit log: who did what to what. */
export interface AuditEntry {
  /** 1, 2, 3, without a gap. */
  readonly seq: number;
  /** Epoch milliseconds of the controller's clock. */
  readonly at: number;
  /** `user/NAME`, `host/ID`, or `controller`. */
  readonly actor: string;
  /** Such as `host.revoke`. */
  readonly action: string;
  /** Name or id of what it was done to; empty: the controller itself. */
  readonly object: string;
  /** A JSON object: reason and details. */
  readonly body: string;
}

/** Where a chain stands: its last entry, or `seq` 0 and an empty hash before the first. */
export interface AuditHead {
  readonly seq: number;
  readonly sha256: Uint8Array;
}

export const EMPTY_CHAIN: AuditHead = { seq: 0, sha256: new Uint8Array() };

const DOMAIN = "afterpatch audit v1";

/**
 * The hash of an entry that follows `previous`: SHA-256 over a domain, the hash before it and each field, all with their
 * lengths, so that no two chains of entries have the same one.
 */
export function linkOf(previous: Uint8Array, { seq, at, actor, action, object, body }: AuditEntry): Buffer {
  const hash = createHash("sha256");
  for (const field of [DOMAIN, previous, String(seq), String(at), actor, action, object, body]) {
    const bytes = typeof field === "string" ? Buffer.from(field) : field;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest();
}

export type ChainVerdict =
  | { readonly kind: "whole"; readonly head: AuditHead }
  /** The first entry that does not follow from those before it. */
  | { readonly kind: "broken"; readonly seq: number; readonly why: string };

/** Follows a chain from `head` through entries with the hashes that they claim. */
export function followChain(
  head: AuditHead,
  entries: Iterable<AuditEntry & { readonly sha256: Uint8Array }>,
): ChainVerdict {
  let { seq, sha256 } = head;
  for (const entry of entries) {
    if (entry.seq !== seq + 1) return { kind: "broken", seq: seq + 1, why: `entry ${seq + 1} is missing` };
    const link = linkOf(sha256, entry);
    if (!link.equals(entry.sha256))
      return { kind: "broken", seq: entry.seq, why: "its hash does not fit it and the one before" };
    seq = entry.seq;
    sha256 = link;
  }
  return { kind: "whole", head: { seq, sha256 } };
}

/** `SEQ:HEX`, as people keep it. */
export function formatHead({ seq, sha256 }: AuditHead): string {
  return `${seq}:${Buffer.from(sha256).toString("hex")}`;
}

/** Null: not what `formatHead` writes. */
export function parseHead(text: string): AuditHead | null {
  const match = /^(0|[1-9][0-9]{0,15}):([0-9a-f]{64})?$/.exec(text.trim());
  if (!match) return null;
  const [, seq = "", hex = ""] = match;
  return (seq === "0") === (hex === "") ? { seq: Number(seq), sha256: Buffer.from(hex, "hex") } : null;
}
