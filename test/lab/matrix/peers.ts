import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { cacheDirectory, ensureBase } from "../base.ts";
import { exitCode, LabError, must } from "../commands.ts";
import { booted, type Host, switchOff, switchOn } from "../host.ts";

/** The peers, and what scenarios need that the base image has not. */
const PACKAGES = [
  ...["needrestart", "debian-goodies", "lsof", "zypper"],
  ...["tcpd", "libpam-systemd", "dbus-user-session", "python3"],
];

/** A layer with the peers for the base image, made first when there is none: some minutes, once. */
export async function ensurePeers(say: (line: string) => void): Promise<string> {
  const { rootfs } = await ensureBase(say);
  const script = join(import.meta.dirname, "peers.sh");
  const hash = createHash("sha256").update(await readFile(script));
  hash.update(`${basename(join(rootfs, ".."))} ${PACKAGES.join(" ")}`);
  const directory = join(cacheDirectory(), `peers-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(directory)) return join(directory, "upper");
  await mkdir(cacheDirectory(), { recursive: true });
  say(`installing the peers, which takes some minutes; the log is ${directory}.log`);
  const log = await open(`${directory}.log`, "a");
  try {
    const apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", script, directory, rootfs];
    // Two at once wait for one another, and the second finds the work done.
    const alone = ["--pdeathsig", "KILL", "flock", "--no-fork", join(cacheDirectory(), "peers.lock")];
    const child = spawn("setpriv", [...alone, ...apart, ...PACKAGES], {
      stdio: ["ignore", log.fd, log.fd],
    });
    const code = await exitCode(child);
    if (code !== 0) throw new LabError("command-failed", `peers: peers.sh ended with ${code}; read ${directory}.log`);
  } finally {
    await log.close();
  }
  return join(directory, "upper");
}

/** Gives a host of the lab the layer with the peers; its own name and identity stay. */
export async function installPeers(host: Host, layer: string, payload: string): Promise<void> {
  await switchOff(host);
  const own = ["etc/hostname", "etc/hosts", "etc/machine-id"];
  const upper = join(host.directory, "upper");
  await must(["tar", "-C", upper, "-cf", join(host.directory, "own.tar"), ...own]);
  // As overlayfs keeps them, its marks for what was removed are devices and extended attributes.
  await must(["cp", "--archive", `${layer}/.`, upper], { timeoutMs: 300_000 });
  await must(["tar", "-C", upper, "-xf", join(host.directory, "own.tar")]);
  await switchOn(host, payload);
  await booted(host);
}
