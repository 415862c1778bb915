import { join } from "node:path";
import { ensureBase } from "../base.ts";
import { must } from "../commands.ts";
import { booted, type Host, switchOff, switchOn } from "../host.ts";
import { ensureLayer } from "../layer.ts";

/** The peers, and what scenarios need that the base image has not. */
const PACKAGES = [
  ...["needrestart", "debian-goodies", "lsof", "zypper"],
  ...["tcpd", "libpam-systemd", "dbus-user-session", "python3"],
  ...["systemd-container", "podman", "crun", "lxc", "busybox-static"],
  ...["runit", "s6", "supervisor"],
];

/** A layer with the peers for the base image, made first when there is none: some minutes, once. */
export async function ensurePeers(say: (line: string) => void): Promise<string> {
  return ensureLayer({ name: "peers", packages: PACKAGES }, await ensureBase(say), say);
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
