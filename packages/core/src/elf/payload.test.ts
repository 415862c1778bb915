import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { carriesPayload } from "./payload.ts";

const program = readFileSync("/bin/true");

function carries(bytes: Uint8Array): boolean {
  return carriesPayload((offset, length) => bytes.subarray(offset, offset + length), bytes.length);
}

/** Makes the first PT_NOTE of a 64-bit little-endian file as long as this. */
function withNote(bytes: Buffer, size: bigint): Buffer {
  const copy = Buffer.from(bytes);
  const [start, count] = [Number(copy.readBigUInt64LE(32)), copy.readUInt16LE(56)];
  for (let index = 0; index < count; index++) {
    const at = start + index * 56;
    if (copy.readUInt32LE(at) === 4) {
      copy.writeBigUInt64LE(size, at + 32);
      return copy;
    }
  }
  throw new Error("no PT_NOTE");
}

test("a program as it was linked carries nothing", () => {
  expect(carries(program)).toBe(false);
  expect(carries(Buffer.concat([program, Buffer.alloc(4096)]))).toBe(false);
});

test("bytes behind its end are a payload, and so is a note as long as a program", () => {
  expect(carries(Buffer.concat([program, Buffer.alloc(4097)]))).toBe(true);
  expect(carries(withNote(program, 65_536n))).toBe(false);
  expect(carries(withNote(program, 65_537n))).toBe(true);
});

test("what is no ELF file carries none, whatever its bytes say", () => {
  expect(carries(Buffer.from("#!/bin/sh"))).toBe(false);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      expect(carries(bytes)).toBe(false);
      const header = Buffer.concat([program.subarray(0, 20), bytes]);
      expect(typeof carries(header)).toBe("boolean");
    }),
  );
});
