import { gunzipSync } from "node:zlib";
import type { Scan } from "@afterpatch/core/scan";
import { parseScan } from "@afterpatch/core/scan-json";

/** Largest scan document that is unpacked, bytes. */
const MAX_SCAN_BYTES = 16 * 1024 * 1024;

/** Reads the body of a report. Throws an Error that says what is wrong with it. */
export function scanOfReport(body: Uint8Array): Scan {
  return parseScan(documentOf(body));
}

/** Its JSON, of whatever shape. */
export function documentOf(body: Uint8Array): unknown {
  return JSON.parse(gunzipSync(body, { maxOutputLength: MAX_SCAN_BYTES }).toString("utf8"));
}
