import fc from "fast-check";
import { expect, test } from "vitest";
import { type AuditEntry, EMPTY_CHAIN, followChain, formatHead, linkOf, parseHead } from "./audit.ts";

type Claimed = AuditEntry & { readonly sha256: Uint8Array };

function chain(bodies: readonly string[]): readonly Claimed[] {
  let sha256: Uint8Array = EMPTY_CHAIN.sha256;
  return bodies.map((body, index) => {
    const entry = {
      seq: index + 1,
      at: 1_000 + index,
      actor: "user/ada",
      action: "host.revoke",
      object: "web01",
      body,
    };
    sha256 = linkOf(sha256, entry);
    return { ...entry, sha256 };
  });
}

const bodies = fc.array(fc.string(), { minLength: 1, maxLength: 8 });

test("a chain as it was written is whole, and so are its parts from a head that is known", () => {
  fc.assert(
    fc.property(bodies, fc.nat(), (texts, cut) => {
      const entries = chain(texts);
      const whole = followChain(EMPTY_CHAIN, entries);
      const at = cut % (entries.length + 1);
      const part = followChain(EMPTY_CHAIN, entries.slice(0, at));
      if (part.kind !== "whole") throw new Error(part.why);
      expect(followChain(part.head, entries.slice(at))).toEqual(whole);
      expect(parseHead(formatHead(part.head))).toEqual({ seq: at, sha256: Buffer.from(part.head.sha256) });
    }),
  );
});

test("whatever is changed, left out, put in or exchanged is seen, at the place or before the end", () => {
  const change = fc.constantFrom("at", "actor", "action", "object", "body", "sha256", "drop", "twice", "swap");
  fc.assert(
    fc.property(bodies, fc.nat(), change, (texts, where, what) => {
      const entries = [...chain(texts), ...chain([...texts, "last"]).slice(texts.length)];
      const at = where % (entries.length - 1); // what is cut off at the end, a chain alone cannot tell
      const [entry, next] = [entries[at], entries[at + 1]];
      if (!entry || !next) throw new Error("two entries at least");
      if (what === "drop") entries.splice(at, 1);
      else if (what === "twice") entries.splice(at, 0, entry);
      else if (what === "swap") entries.splice(at, 2, next, entry);
      else if (what === "sha256") entries[at] = { ...entry, sha256: Buffer.alloc(32) };
      else entries[at] = { ...entry, [what]: what === "at" ? entry.at + 1 : `${entry[what as "body"]}!` };
      expect(followChain(EMPTY_CHAIN, entries).kind).toBe("broken");
    }),
  );
});

test("fields cannot be moved into one another", () => {
  const entry = { seq: 1, at: 1, actor: "ab", action: "c", object: "", body: "" };
  const other = { ...entry, actor: "a", action: "bc" };
  expect(linkOf(EMPTY_CHAIN.sha256, entry)).not.toEqual(linkOf(EMPTY_CHAIN.sha256, other));
});

test.each(["", "1", "1:", "0:aa", "01:", `1:${"a".repeat(63)}`, `1:${"A".repeat(64)}`, `-1:${"a".repeat(64)}`])(
  "%j is no head",
  (text) => expect(parseHead(text)).toBeNull(),
);
