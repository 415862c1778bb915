import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readBase } from "./base.ts";
import { execOk, type Host } from "./host.ts";
import { until } from "./processes.ts";

/** Installs tcpd(8), which wraps services of a super-server. */
export async function installTcpd(host: Host): Promise<void> {
  await installDebs(host, (name) => name.startsWith("tcpd_"));
}

/** Removes xinetd and puts openbsd-inetd in its place; what is written to its inetd.conf it reads at once. */
export async function replaceXinetd(host: Host, inetdConf: string): Promise<void> {
  await execOk(host, ["dpkg", "--force-depends", "--remove", "xinetd"]);
  await execOk(host, ["sh", "-c", "cat >/etc/inetd.conf"], { input: inetdConf });
  await installDebs(host, () => true);
}

/** Resolves once something listens on all these ports: a super-server is there before its services are. */
export async function untilListening(host: Host, ...ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const listeners = ["ss", "-Hltn", `sport = :${port}`];
    await until(
      `${host.name}: a listener on port ${port}`,
      20_000,
      async () => (await execOk(host, listeners)) || undefined,
    );
  }
}

async function installDebs(host: Host, isWanted: (file: string) => boolean): Promise<void> {
  const store = join((await readBase(host.base)).debs, "inetd");
  const files = (await readdir(store)).filter(isWanted);
  const archives = "/var/cache/apt/archives";
  for (const file of files) {
    await execOk(host, ["sh", "-c", 'cat >"$1"', "sh", `${archives}/${file}`], {
      input: await readFile(join(store, file)),
    });
  }
  // update-inetd, a program in Perl that changes inetd.conf, is left out.
  const install = ["dpkg", "--ignore-depends=update-inetd", "--install"];
  await execOk(host, [...install, ...files.map((file) => `${archives}/${file}`)]);
}
