import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBuilds } from "./build.ts";
import { bootsNext } from "./boots-next.ts";
import { earlyFiles } from "./cpio.ts";
import { parseCpus } from "./cpus.ts";
import { inGrubOrder, inSystemdOrder, parseEntry } from "./entries.ts";
import { compareEntryVersions } from "./entry-version.ts";
import type { KernelFacts } from "./facts.ts";
import { grubEnvironment } from "./grub.ts";
import { commandsOf } from "./grub-words.ts";
import { imageVersion } from "./image.ts";
import { judgeKernel } from "./judge.ts";
import { offeredBy } from "./microcode.ts";
import { splitRelease } from "./release.ts";

// Files below /boot may be an attacker's, or broken: every reader of them ends, and none throws.

const WORDS = [
  "if",
  "then",
  "elif",
  "else",
  "fi",
  "{",
  "}",
  "menuentry",
  "submenu",
  "'a'",
  '"$x"',
  "\v\f\u00a0",
  "$default",
  "set",
  "default=1>0",
  "[",
  "]",
  "!",
  "-a",
  "=",
  ";",
  "\n",
  "linux",
  "/boot/vmlinuz-6.1.0-1-amd64",
  "function",
  "blscfg",
  "load_env",
  "source",
  "for",
  "do",
  "done",
  "while",
  "\\",
  "'",
  '"',
  "#",
  ">",
];
const script = fc.oneof(
  fc.array(fc.constantFrom(...WORDS), { maxLength: 200 }).map((words) => words.join(" ")),
  fc.string({ unit: "binary", maxLength: 400 }),
);
const entryText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.constantFrom("linux /vmlinuz-6.1.0-1-amd64\n", "version 6\nlinux a\nsort-key x"),
);
const file = fc.record({
  name: fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom("a-1-2.conf", "a+0.conf", "m-5.14-1.el9.x86_64.conf")),
  text: entryText,
});
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.constantFrom("6.1.0-1-amd64", "5.14.0-427.el9.x86_64", ""),
);

const kernel: fc.Arbitrary<KernelFacts> = fc.record({
  build: fc.option(text),
  banner: fc.option(text),
  signature: fc.option(text),
  container: fc.constant(null),
  images: fc.array(
    fc.record({ path: text.map((name) => `/boot/vmlinuz-${name}`), target: fc.option(text), version: fc.option(text) }),
    { maxLength: 5 },
  ),
  modules: fc.option(fc.array(text, { maxLength: 5 })),
  packages: fc.option(
    fc.array(fc.record({ name: text.map((name) => `linux-image-${name}`), version: text }), { maxLength: 5 }),
  ),
  loader: fc.record({
    grub: fc.option(fc.record({ path: text, config: script, environment: fc.option(script), custom: fc.boolean() })),
    entries: fc.option(
      fc.record({
        path: text,
        config: fc.option(script),
        files: fc.array(file, { maxLength: 5 }),
        unified: fc.array(text, { maxLength: 3 }),
      }),
    ),
    legacy: fc.option(fc.record({ path: text, config: script })),
    variables: fc.option(
      fc.dictionary(
        fc.constantFrom("LoaderInfo", "LoaderEntryDefault", "LoaderEntryOneShot"),
        fc.oneof(text, fc.constant("systemd-boot 252")),
      ),
    ),
  }),
  livePatches: fc.constant([]),
  flags: fc.constant([]),
  microcode: fc.constant({ kind: "skipped", why: "not asked" } as const),
  unreadable: fc.array(fc.record({ path: text, why: text }), { maxLength: 2 }),
});

test("any facts are judged, and an outdated kernel always has a reason", () => {
  fc.assert(
    fc.property(kernel, text, (facts, running) => {
      const judged = judgeKernel(facts, running);
      if (judged.verdict === "outdated") expect(judged.reasons.length).toBeGreaterThan(0);
      if (judged.verdict === "unknown") expect(judged.notes.length).toBeGreaterThan(0);
      bootsNext(facts.loader);
      compareBuilds(facts, running, facts.images[0] ?? null);
    }),
    { numRuns: 1000 },
  );
});

test("a kernel that nothing here belongs to is never outdated", () => {
  fc.assert(
    fc.property(kernel, (facts) => {
      const others = { ...facts, images: [], packages: null, modules: [], loader: facts.loader };
      expect(judgeKernel(others, "6.18.44-fc").verdict).toBe("unknown");
    }),
  );
});

test("scripts, entries, versions and tables", () => {
  fc.assert(
    fc.property(script, fc.array(file), text, (config, files, release) => {
      commandsOf(config);
      grubEnvironment(config);
      parseCpus(config);
      const entries = files.map(parseEntry);
      expect(inGrubOrder(entries)).toHaveLength(files.length);
      expect(inSystemdOrder(entries)).toHaveLength(files.length);
      const { version, flavour } = splitRelease(release);
      expect(version.length + flavour.length).toBeLessThanOrEqual(2 * release.length + 16);
    }),
  );
});

test("orders of versions are orders", () => {
  const version = fc.stringMatching(/^[0-9a-c~^.-]{0,8}$/);
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      expect(Math.sign(compareEntryVersions(a, b))).toBe(-Math.sign(compareEntryVersions(b, a)) || 0);
      if (compareEntryVersions(a, b) <= 0 && compareEntryVersions(b, c) <= 0)
        expect(compareEntryVersions(a, c)).toBeLessThanOrEqual(0);
    }),
    { numRuns: 2000 },
  );
});

test("images, archives and microcode, and how much of them is read", () => {
  const head = fc.constantFrom(
    [0x44, 0x4d, 0x41, 0, 0, 0, 0, 0],
    [1, 0, 0, 0],
    [0x30, 0x37, 0x30, 0x37, 0x30, 0x31],
    [],
  );
  const bytes = fc
    .tuple(head, fc.uint8Array({ maxLength: 2000 }))
    .map(([start, rest]) => Uint8Array.from([...start, ...rest]));
  const cpu = { family: 6, model: 143, stepping: 8, platform: null } as const;
  fc.assert(
    fc.property(bytes, (content) => {
      let reads = 0;
      const readAt = (offset: number, length: number) => {
        reads += 1;
        return content.subarray(offset, offset + length);
      };
      imageVersion(readAt);
      earlyFiles(readAt);
      expect(reads).toBeLessThan(1000);
      offeredBy(content, { vendor: "intel", ...cpu });
      offeredBy(content, { vendor: "amd", ...cpu });
    }),
    { numRuns: 1000 },
  );
});
