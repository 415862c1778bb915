import { expect, test } from "vitest";
import { expectQuick } from "../../../../test/fakes/hostile.ts";
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

// Files below /boot may be an attacker's, and as large as they are let: no reader takes longer than their length explains.

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
