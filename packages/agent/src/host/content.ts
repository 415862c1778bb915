import { createHash } from "node:crypto";
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { buildIdOf, MAX_READ } from "@afterpatch/core/elf/build-id";
import { carriesPayload } from "@afterpatch/core/elf/payload";
import type { Content } from "@afterpatch/core/facts";
import { codeOf, explain, isGone, pathOf } from "./read.ts";

/** How to reach one side of a comparison. */
export interface Side {
  readonly path: string;
  /** A kernel handle (map_files, exe) is followed; a path on disk is not. */
  readonly isHandle: boolean;
  readonly stat: BigIntStats;
}

/** Longest file that is compared byte by byte, and how much one scan reads for that in all. */
const LONGEST_FILE = 512n * 1024n * 1024n;
const chunk = Buffer.allocUnsafeSlow(256 * 1024);

/** Bytes that a scan may still read to compare files without build-ids. */
export interface Budget {
  bytes: bigint;
}

/** What both sides hold: build-ids where both have one that is all of their own, else digests of all bytes. */
export function compareContents(mapped: Side, onDisk: Side, budget: Budget): { mapped: Content; onDisk: Content } {
  return withOpen(mapped, (mappedFd) =>
    withOpen(onDisk, (diskFd) => {
      const mappedId = buildId(mappedFd, mapped);
      const diskId = buildId(diskFd, onDisk);
      if (typeof mappedId === "string" && typeof diskId === "string") {
        return { mapped: { kind: "build-id", hex: mappedId }, onDisk: { kind: "build-id", hex: diskId } };
      }
      return { mapped: digest(mappedFd, mapped, budget), onDisk: digest(diskFd, onDisk, budget) };
    }),
  );
}

/** What one file holds. */
export function contentOf(side: Side, budget: Budget): Content {
  return withOpen(side, (opened) => {
    const hex = buildId(opened, side);
    return hex === null ? digest(opened, side, budget) : { kind: "build-id", hex };
  });
}

/** All bytes of one file. */
export function bytesOf(side: Side, budget: Budget): Content {
  return withOpen(side, (opened) => digest(opened, side, budget));
}

type Opened = number | { readonly why: string };

function withOpen<T>(side: Side, use: (opened: Opened) => T): T {
  const opened = open(side);
  try {
    return use(opened);
  } finally {
    if (typeof opened === "number") closeSync(opened);
  }
}

/** A descriptor of just this file if it is regular, else why there is none. */
export function open({ path, isHandle, stat }: Side): Opened {
  if (!stat.isFile()) return { why: "not a regular file" };
  const follow = isHandle ? 0 : constants.O_NOFOLLOW;
  try {
    const fd = openSync(pathOf(path), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | follow);
    const now = fstatSync(fd, { bigint: true });
    if (now.isFile() && now.dev === stat.dev && now.ino === stat.ino) return fd;
    closeSync(fd);
    return { why: "it changed while it was looked at" };
  } catch (error) {
    const code = codeOf(error);
    return { why: isGone(code) ? "it changed while it was looked at" : explain(code) };
  }
}

/** Null where there is none, and where it says nothing of the program that the file carries. */
function buildId(opened: Opened, { stat }: Side): string | null {
  if (typeof opened !== "number") return null;
  const read = (offset: number, length: number) => {
    const bytes = Buffer.alloc(Math.min(length, MAX_READ));
    return bytes.subarray(0, readSync(opened, bytes, 0, bytes.length, offset));
  };
  try {
    const id = buildIdOf(read);
    return id === null || carriesPayload(read, Number(stat.size)) ? null : id;
  } catch (error) {
    codeOf(error); // digest() meets the same failure and says so
    return null;
  }
}

function digest(opened: Opened, { stat }: Side, budget: Budget): Content {
  if (typeof opened !== "number") return { kind: "unreadable", why: opened.why };
  if (stat.size > LONGEST_FILE || stat.size > budget.bytes) {
    return { kind: "unreadable", why: "it has no build-id of its own and is too long to compare" };
  }
  budget.bytes -= stat.size;
  try {
    const hash = createHash("sha256");
    for (let offset = 0n; offset <= stat.size; ) {
      const count = readSync(opened, chunk, 0, chunk.length, offset);
      if (count === 0) break;
      hash.update(chunk.subarray(0, count));
      offset += BigInt(count);
    }
    return { kind: "sha256", hex: hash.digest("hex") };
  } catch (error) {
    return { kind: "unreadable", why: explain(codeOf(error)) };
  }
}
