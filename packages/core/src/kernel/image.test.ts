import { expect, test } from "vitest";
import { earlyFiles } from "./cpio.ts";
import { imageVersion, isSameBuild, type ReadAt, releaseOf } from "./image.ts";

const VERSION =
  "6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)";

/** An x86 boot header whose version string is at 0x200 + `offset`. */
function image(version: string, offset = 0x3000): Uint8Array {
  const bytes = new Uint8Array(0x200 + offset + version.length + 1);
  bytes.set(latin1("HdrS"), 0x202);
  bytes.set([offset & 0xff, offset >> 8], 0x20e);
  bytes.set(latin1(version), 0x200 + offset);
  return bytes;
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function reader(bytes: Uint8Array): ReadAt {
  return (offset, length) => bytes.subarray(offset, offset + length);
}

test.each([
  ["a kernel", image(VERSION), VERSION],
  ["an offset of zero", image(VERSION, 0), null],
  ["no header", new Uint8Array(0x4000), null],
  ["a file that ends in the header", image(VERSION).subarray(0, 0x20f), null],
  ["a file that ends in the version", image(VERSION).subarray(0, 0x3210), null],
  ["control characters", image(VERSION.replace("SMP", "\u001b[2J")), null],
  ["something else there", image("hello"), null],
])("the version of %s", (_name, bytes, version) => expect(imageVersion(reader(bytes))).toBe(version));

test("the same release and the same build", () => {
  const build = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)";
  expect(releaseOf(VERSION)).toBe("6.1.0-56-cloud-amd64");
  expect(isSameBuild(VERSION, "6.1.0-56-cloud-amd64", build)).toBe(true);
  expect(isSameBuild(VERSION, "6.1.0-56-cloud-amd64", build.replace("192-2", "192-1"))).toBe(false);
  expect(isSameBuild(VERSION, "6.1.0-56", build)).toBe(false);
});

/** A newc archive, as `cpio -o -H newc` writes it. */
function archive(files: readonly (readonly [string, number])[]): string {
  const all = [...files, ["TRAILER!!!", 0] as const];
  return all
    .map(([name, size]) => {
      const fields = [0, 0o100644, 0, 0, 1, 0, size, 0, 0, 0, 0, name.length + 1, 0];
      const head = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${name}\0`;
      return padded(head) + padded("x".repeat(size));
    })
    .join("");
}

function padded(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, "\0");
}

test("early files: every archive in front of the compressed one, padding between them", () => {
  const first = archive([
    ["kernel", 0],
    ["kernel/x86/microcode/GenuineIntel.bin", 7],
  ]);
  const bytes = latin1(`${padded(first).padEnd(1024, "\0")}${archive([["a", 3]])}${"\u001f\u008b"}rest`);
  const files = earlyFiles(reader(bytes));
  expect(files.map(({ name, size }) => [name, size])).toEqual([
    ["kernel", 0],
    ["kernel/x86/microcode/GenuineIntel.bin", 7],
    ["a", 3],
  ]);
  const [, microcode] = files;
  expect(bytes[microcode?.offset ?? -1]).toBe("x".charCodeAt(0));
});

test.each([
  ["nothing", ""],
  ["a compressed archive alone", "\u001f\u008b\u0008"],
  ["zeros alone", "\0".repeat(9000)],
  ["a header that is cut off", archive([["a", 1]]).slice(0, 60)],
])("%s has no early files", (_name, text) => expect(earlyFiles(reader(latin1(text)))).toEqual([]));
