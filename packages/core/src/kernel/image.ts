/** Bytes of a file at an offset; fewer at its end. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

/** Longest version string looked for: __NEW_UTS_LEN is 64 for each of its two names, and a builder stands between. */
const LONGEST = 512;

/**
 * `RELEASE (BUILDER) BUILD` of an x86 bzImage, or null when it is none. The setup header's `kernel_version` holds
 * where, less 0x200 (Documentation/arch/x86/boot.rst).
 */
export function imageVersion(readAt: ReadAt): string | null {
  const header = readAt(0x202, 0x0e);
  if (header.length < 0x0e || text(header.subarray(0, 4)) !== "HdrS") return null;
  const offset = (header[0x0c] ?? 0) | ((header[0x0d] ?? 0) << 8);
  if (offset === 0) return null;
  const bytes = readAt(0x200 + offset, LONGEST);
  const end = bytes.indexOf(0);
  if (end <= 0) return null;
  const version = text(bytes.subarray(0, end));
  return /^[0-9][ -~]* \([ -~]*\) #[ -~]*$/.test(version) ? version : null;
}

/** The release in a version string. */
export function releaseOf(version: string): string {
  return version.slice(0, version.indexOf(" "));
}

/** Whether an image is the very build that runs. */
export function isSameBuild(version: string, release: string, build: string): boolean {
  return version.startsWith(`${release} (`) && version.endsWith(`) ${build}`);
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
