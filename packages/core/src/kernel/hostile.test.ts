import fc from "fast-check";
import { expect, test } from "vitest";
import { expectQuick } from "../../../../test/fakes/hostile.ts";
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

const LONG = 120_000;

test(
  "1 MB of scripts, entries and tables",
  () => {
    const grub = [
      "menuentry a {\n",
      "submenu 'x' {\n",
      "if true; then\n",
      "if [ a = b ]\n",
      "set x=$y$z\n",
      "$x",
      "${x",
    ];
    const words = [
      "'",
      '"',
      "$",
      "{ ",
      "} ",
      "\\",
      "\\\n",
      "linux /a/b/c\n}",
      "function f {\n",
      "for x in a; do\n",
      "# ",
      "a",
    ];
    const loader = (config: string) => ({
      grub: { path: "g", config, environment: config, custom: false },
      entries: null,
      legacy: { path: "l", config },
      variables: null,
    });
    expectQuick((config) => bootsNext(loader(config)), [...grub, ...words, "title a\n", "default=1>0>"]);
    expectQuick(commandsOf, [...grub, ...words]);
    expectQuick(grubEnvironment, ["a=b\n", "=", "saved_entry=", "#", "\n"]);
    const entry = (text: string) => inGrubOrder([parseEntry({ name: text.slice(0, 255), text })]);
    expectQuick(entry, ["linux ", "linux /vmlinuz-6.1\n", "version 1\n", "sort-key\n", "\n", " ", "title\t"]);
    expectQuick(parseCpus, [
      "processor\t: 0\n",
      "vendor_id\t: GenuineIntel\n",
      "\n\n",
      ":",
      "\t",
      "microcode\t: 0x1\n",
    ]);
  },
  LONG,
);

test(
  "1 MB of names and versions",
  () => {
    const pieces = ["1.", "a", "~", "^", "-", "+", "0", "6.1.0-", ".el9", "1~a^b", "_"];
    expectQuick((text) => compareEntryVersions(text, `${text}1`), pieces);
    expectQuick(splitRelease, [...pieces, "-amd64", "-generic", " "]);
    const named = (text: string) => [
      { name: `${text}.conf`, text: `version ${text}\n` },
      { name: text, text: "" },
    ];
    expectQuick((text) => inSystemdOrder(named(text).map(parseEntry)), pieces);
    const facts = (text: string): KernelFacts => ({
      build: text,
      banner: text,
      signature: text,
      container: null,
      images: [{ path: `/boot/vmlinuz-${text}`, target: null, version: `${text} (a) #1` }],
      modules: [text],
      packages: [{ name: `linux-image-${text}`, version: text }],
      loader: { grub: null, entries: null, legacy: null, variables: { LoaderEntryDefault: text } },
      livePatches: [],
      flags: [],
      microcode: { kind: "skipped", why: "not asked" },
      unreadable: [],
    });
    expectQuick((text) => judgeKernel(facts(text), text), [...pieces, "Debian ", "(", ")", "#1 ", "6.1.0-1 (a) #1 "]);
  },
  LONG,
);

const intel = { vendor: "intel", family: 6, model: 143, stepping: 8, platform: null } as const;
const amd = { ...intel, vendor: "amd" } as const;

test(
  "1 MB of images, archives and microcode, and how much of them is read",
  () => {
    const wide = (...values: readonly number[]) =>
      values.map((value) => String.fromCharCode(...[0, 8, 16, 24].map((bits) => (value >>> bits) & 0xff))).join("");
    const cpio = (size: string) => `070701${"0".repeat(48)}${size}${"0".repeat(32)}00000002${"0".repeat(8)}a\0`;
    const update = wide(1, 1, 0, 0x806f8, 0, 1, 1, 0, 0, 0, 0, 0).padEnd(2048, "\0");
    const pieces = ["\0", "\xff", "HdrS", cpio("00000000"), cpio("00000004"), cpio("ffffffff"), update];
    const amds = [wide(0x00414d44, 0, 0), wide(0x00414d44, 0, 16), wide(1, 32).padEnd(40, "\0"), wide(1, 0)];
    expectQuick(
      (text) => {
        const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
        let read = 0;
        const readAt = (offset: number, length: number) => {
          read += length;
          return bytes.subarray(offset, offset + length);
        };
        imageVersion(readAt);
        earlyFiles(readAt);
        expect(read).toBeLessThan(2 * 1024 * 1024);
        offeredBy(bytes, intel);
        offeredBy(bytes, amd);
      },
      [...pieces, ...amds, `${amds[0]}${amds[2]}`],
    );
  },
  LONG,
);

test("an update for hundreds of thousands of processors", () => {
  // Each for as many as one update may name, all of them this one.
  const extended = 4096;
  const size = 48 + 16 + 20 + extended * 12;
  const bytes = new Uint8Array(size * 100);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += size) {
    for (const [offset, value] of [
      [0, 1],
      [4, at],
      [20, 1],
      [28, 16],
      [32, size],
      [64, extended],
    ] as const)
      view.setUint32(at + offset, value, true);
    for (let index = 0; index < extended; index++) view.setUint32(at + 84 + index * 12, 0x806f8, true);
  }
  expect(offeredBy(bytes, intel)).toEqual({ revision: size * 99, ambiguous: true });
});
