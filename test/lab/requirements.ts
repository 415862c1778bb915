import { access, constants, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./commands.ts";

/** Something the lab needs and this machine lacks. `remedy` says what to do about it. */
export interface Missing {
  readonly part: string;
  readonly remedy: string;
}

const files = [
  ["debootstrap", "/usr/sbin/debootstrap", "debootstrap"],
  ["keys of the Debian archive", "/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"],
  ["systemd-nspawn", "/usr/bin/systemd-nspawn", "systemd-container"],
  ["ip", "/sbin/ip", "iproute2"],
  ["unshare", "/usr/bin/unshare", "util-linux"],
  ["nsenter", "/usr/bin/nsenter", "util-linux"],
  ["setpriv", "/usr/bin/setpriv", "util-linux"],
  ["flock", "/usr/bin/flock", "util-linux"],
  ["gcc", "/usr/bin/gcc", "gcc"],
  ["C headers", "/usr/include/stdio.h", "libc6-dev"],
  ["dpkg-deb", "/usr/bin/dpkg-deb", "dpkg"],
  ["strace", "/usr/bin/strace", "strace"],
] as const;

/** Everything the lab needs and this machine lacks; empty when it can be made. */
export async function missingRequirements(): Promise<readonly Missing[]> {
  const missing: Missing[] = [];
  for (const [part, path, debianPackage] of files) {
    if (!(await canRead(path))) missing.push({ part, remedy: `apt-get install ${debianPackage}` });
  }
  if (process.getuid?.() !== 0) {
    missing.push({ part: "root", remedy: "run it as root" });
  } else if (missing.length === 0) {
    const refusal = await overlayRefusal();
    if (refusal !== undefined)
      missing.push({ part: "mount namespaces and overlayfs", remedy: `allow them: ${refusal}` });
  }
  return missing;
}

/** One line for a person: every missing part with what brings it. */
export function requirementsMessage(missing: readonly Missing[]): string {
  const parts = missing.map(({ part }) => part).join(", ");
  const remedies = [...new Set(missing.map(({ remedy }) => remedy))].join(", ");
  return `cannot make a lab: this machine lacks ${parts}; ${remedies}`;
}

/** Containers of the usual kind let root do everything but this; only trying tells. */
async function overlayRefusal(): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), "afterpatch-lab-"));
  try {
    const mount =
      'mount -t tmpfs t "$1" && cd "$1" && mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w o m';
    const { code, stderr } = await run([
      "unshare",
      "--mount",
      "--net",
      "--pid",
      "--fork",
      "sh",
      "-c",
      mount,
      "sh",
      directory,
    ]);
    return code === 0 ? undefined : stderr.trim();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function canRead(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
