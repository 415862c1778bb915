import { readFileSync } from "node:fs";

/** Put in place by the build; a checkout reads its own package.json. */
declare const AFTERPATCH_VERSION: string | undefined;

/** Of this agent. */
export const version: string = typeof AFTERPATCH_VERSION === "string" ? AFTERPATCH_VERSION : ofCheckout();

function ofCheckout(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const isManifest = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return isManifest && typeof manifest.version === "string" ? manifest.version : "unknown";
}
