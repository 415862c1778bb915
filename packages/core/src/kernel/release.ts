/** A kernel's release taken apart: what is compared, and what tells kinds of kernels of one distribution apart. */
export interface Release {
  readonly version: string;
  /** `cloud-amd64`, `generic`, `default`, `x86_64+debug`; empty where a release names none. */
  readonly flavour: string;
}

const RPM = /^(.+)\.(x86_64|aarch64|ppc64le|ppc64|s390x|i686|i386|armv7hl|riscv64)((?:[+.][\w.+-]*)?)$/;

/** `6.1.0-56-cloud-amd64` is 6.1.0-56 of flavour cloud-amd64. Releases are short: the kernel's own limit is 64 bytes. */
export function splitRelease(release: string): Release {
  const rpm = RPM.exec(release);
  if (rpm) {
    const [, version = "", arch = "", variant = ""] = rpm;
    // Separate lines of kernels that carry their name in the middle: Oracle's, Red Hat's real-time, ELRepo's.
    const line = /uek|elrepo/.exec(version)?.[0] ?? (/\.rt[0-9]/.test(version) ? "rt" : "");
    return { version, flavour: [arch + variant, line].filter(Boolean).join(" ") };
  }
  const [, upstream = "", name = ""] = /^([0-9][^-]*)-([a-z]+)[0-9]+-[0-9]+(?:-[a-z]+)?$/.exec(release) ?? [];
  if (upstream !== "") return { version: release.replace(/-[a-z]+$/, ""), flavour: name }; // Arch: 6.9.1-arch1-1, 6.9.1-zen1-1-zen
  for (const pattern of PATTERNS) {
    const [, version, flavour] = pattern.exec(release) ?? [];
    if (version !== undefined && flavour !== undefined) return { version, flavour };
  }
  return { version: release, flavour: "" };
}

const PATTERNS: readonly RegExp[] = [
  /^([0-9][^-]*\+[^-]*)-(.+)$/, // 6.12.117+deb12-cloud-amd64, 6.6.28+rpt-rpi-v8
  /^([0-9][^-]*-[0-9][^-]*)-(.+)$/, // 6.1.0-56-amd64, 5.15.0-100-generic, 6.4.0-150600.23.7-default, 6.6.30-0-lts
  /^([0-9][^-]*)-([^0-9].*)$/, // 6.18.44-microvm
];

/** The release's own name is the whole version of its package, so that a rebuilt kernel cannot have the same. */
export function isUniqueBuild(release: string): boolean {
  return RPM.test(release) && /\.(?:el|fc|amzn)[0-9]/.test(release);
}
