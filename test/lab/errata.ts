import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readBase, type Versions } from "./base.ts";
import { execOk, type Host } from "./host.ts";

/** Installs Debian's newest libssl3, which sshd and PID 1 of a fresh host have mapped in the old version. */
export async function upgradeLibssl(host: Host): Promise<Versions> {
  const { libssl } = await readBase(host.base);
  await install(host, "libssl3", libssl.newest);
  return libssl;
}

/** Installs the libssl3 that is installed already once more: other inodes, the same bytes. */
export async function reinstallLibssl(host: Host): Promise<void> {
  await install(host, "libssl3", await installedVersion(host, "libssl3"));
}

/** Installs imapd 1.1 over 1.0. The package's scripts leave xinetd and its sessions alone. */
export async function upgradeImapd(host: Host): Promise<Versions> {
  const { imapd } = await readBase(host.base);
  await install(host, "imapd", imapd.newest);
  return imapd;
}

/** Version of an installed package, as dpkg says it. */
export async function installedVersion(host: Host, debianPackage: string): Promise<string> {
  const output = await execOk(host, ["dpkg-query", "--show", debianPackage]); // NAME[:ARCHITECTURE] TAB VERSION
  return output.trim().replace(/^.*\t/, "");
}

/** Brings a package of the base image's store onto the host, which sees no network, and installs it. */
async function install(host: Host, debianPackage: string, version: string): Promise<void> {
  const file = `${debianPackage}_${version}.deb`;
  const store = await readBase(host.base);
  const bytes = await readFile(join(store.debs, file));
  await execOk(host, ["sh", "-c", 'cat >"$1" && dpkg --install "$1"', "sh", `/var/cache/apt/archives/${file}`], {
    input: bytes,
  });
}
