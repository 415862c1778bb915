import { gunzipSync } from "node:zlib";
import type { Scan } from "@afterpatch/core/scan";
import { parseScan } from "@afterpatch/core/scan-json";

/** Largest scan document that is unpacked, bytes. */
const MAX_SCAN_BYTES = 16 * 1024 * 1024;

/** Reads the body of a report. Throws an Error that says what is wrong with it. */
export function scanOfReport(body: Uint8Array): Scan {
  return parseScan(documentOf(body));
}

/** Its JSON, of whatever shape. Throws where it is larger than `most` bytes (see `isTooLarge`). */
export function documentOf(body: Uint8Array, most = MAX_SCAN_BYTES): unknown {
  return JSON.parse(gunzipSync(body, { maxOutputLength: most }).toString("utf8"));
}

export function isTooLarge(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}
