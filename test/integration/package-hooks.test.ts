import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

const FILES = join(import.meta.dirname, "../../deploy/package/files");
const missing = ["/usr/bin/dpkg-deb", "/usr/bin/rpm", "/usr/bin/rpmbuild"].find((path) => !existsSync(path));
if (missing && process.env.CI) test("what these tests need is here", () => expect(missing).toBeUndefined());

let folder: string;
/** The agent's runtime directory. */
let runtime: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "afterpatch-hooks-"));
  runtime = join(folder, "run");
  write("wake", here(readFileSync(join(FILES, "wake.sh"), "utf8")));
  chmodSync(join(folder, "wake"), 0o755);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

const here = (text: string) =>
  text.replaceAll("/usr/lib/afterpatch/wake", join(folder, "wake")).replaceAll("/run/afterpatch", runtime);

function write(path: string, text: string): string {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), text);
  return join(folder, path);
}

const wake = () => spawnSync(join(folder, "wake"), { encoding: "utf8", env: { PATH: "" } });
const SILENT = { status: 0, stdout: "", stderr: "" };

describe("the hook's program", () => {
  test("does nothing where no agent has run since boot", () => {
    expect(wake()).toMatchObject(SILENT);
    expect(existsSync(runtime)).toBe(false);
  });

  test("touches one file, again and again", () => {
    mkdirSync(runtime);
    expect(wake()).toMatchObject(SILENT);
    const first = statSync(join(runtime, "wake"), { bigint: true });
    expect(first.size).toBe(0n);
    expect(wake()).toMatchObject(SILENT);
    const second = statSync(join(runtime, "wake"), { bigint: true });
    expect(second.ino).toBe(first.ino);
    expect(second.mtimeNs).toBeGreaterThan(first.mtimeNs);
  });

  test("never fails, nor waits, whatever lies there", () => {
    writeFileSync(runtime, "");
    expect(wake()).toMatchObject(SILENT);
    rmSync(runtime);
    mkdirSync(runtime);
    execFileSync("mkfifo", [join(runtime, "wake")]);
    expect(wake()).toMatchObject(SILENT);
    rmSync(join(runtime, "wake"));
    execFileSync("ln", ["-s", "/nowhere/at/all", join(runtime, "wake")]);
    expect(wake()).toMatchObject(SILENT);
  });
});

describe.skipIf(missing)(`hooks of package managers${missing ? ` (skipped: no ${missing})` : ""}`, () => {
  const touched = () => {
    const was = existsSync(join(runtime, "wake"));
    rmSync(runtime, { recursive: true, force: true });
    mkdirSync(runtime);
    return was;
  };

  test("dpkg wakes for what is installed, upgraded and removed, and says nothing of it", () => {
    const root = join(folder, "root");
    for (const path of ["info", "updates", "triggers"])
      mkdirSync(join(root, "var/lib/dpkg", path), { recursive: true });
    for (const path of ["status", "available"]) writeFileSync(join(root, "var/lib/dpkg", path), "");
    const dpkg = (...args: readonly string[]) =>
      execFileSync(
        "dpkg",
        [`--root=${root}`, "--force-script-chrootless", "--force-not-root", "--log=/dev/null", ...args],
        { stdio: "pipe" },
      );
    const agent = deb("agent", "1", "/etc/agent.yaml");
    dpkg("-i", agent);
    touched();
    dpkg("-i", deb("settings", "1", "/etc/settings"));
    expect(touched()).toBe(false);
    dpkg("-i", deb("app", "1", "/opt/app/main.js"));
    expect(touched()).toBe(true);
    dpkg("-i", deb("app", "2", "/opt/app/main.js"), deb("imapd", "1", "/usr/sbin/imapd"));
    expect(touched()).toBe(true);
    dpkg("-r", "imapd");
    expect(touched()).toBe(true);
    dpkg("-i", agent);
    dpkg("-P", "agent");
    expect(readFileSync(join(root, "var/lib/dpkg/status"), "utf8")).not.toMatch(/trigger/i);
  });

  function deb(name: string, version: string, file: string): string {
    const tree = `deb/${name}-${version}`;
    write(`${tree}${file}`, version);
    write(
      `${tree}/DEBIAN/control`,
      `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: a <a@example.net>\nDescription: a\n`,
    );
    if (name === "agent") {
      write(`${tree}/DEBIAN/triggers`, readFileSync(join(FILES, "deb/agent.triggers"), "utf8"));
      const script = here('#!/bin/sh\nset -e\n[ "$1" != triggered ] || /usr/lib/afterpatch/wake\n');
      chmodSync(write(`${tree}/DEBIAN/postinst`, script), 0o755);
    }
    execFileSync("dpkg-deb", ["--root-owner-group", "-b", join(folder, tree), join(folder, `${tree}.deb`)]);
    return join(folder, `${tree}.deb`);
  }

  // In a mount namespace of its own: what these packages hold is gone with each call.
  test.runIf(process.geteuid?.() === 0)("rpm wakes for what is installed, upgraded and removed", () => {
    const apart = 'mount -t tmpfs none /opt && mount -t tmpfs none /mnt && exec rpm "$@"';
    const rpm = (...args: readonly string[]) =>
      execFileSync("unshare", ["-m", "sh", "-c", apart, "sh", "--dbpath", join(folder, "db"), "--nodeps", ...args], {
        stdio: "pipe",
      });
    rpm("-i", rpmOf("agent", "1", "/mnt/agent.yaml"));
    touched();
    rpm("-i", rpmOf("settings", "1", "/mnt/settings"));
    expect(touched()).toBe(false);
    rpm("-i", rpmOf("app", "1", "/opt/app/main.js"));
    expect(touched()).toBe(true);
    rpm("-U", rpmOf("app", "2", "/opt/app/main.js"), rpmOf("imapd", "1", "/opt/imapd"));
    expect(touched()).toBe(true);
    rpm("-e", "imapd");
    expect(touched()).toBe(true);
    rmSync(join(folder, "wake"));
    rpm("-e", "agent", "app"); // without its program, and all the same
  });

  function rpmOf(name: string, version: string, file: string): string {
    const triggers = readFileSync(join(FILES, "rpm/agent.transfiletrigger"), "utf8");
    const spec = write(
      `${name}.spec`,
      `Name: ${name}\nVersion: ${version}\nRelease: 1\nSummary: a\nLicense: a\nBuildArch: noarch\n%description\na\n%install
install -D /dev/null "%{buildroot}${file}"\n${name === "agent" ? here(triggers) : ""}\n%files\n"${file}"\n`,
    );
    execFileSync("rpmbuild", ["-bb", "--define", `_topdir ${folder}`, "--dbpath", join(folder, "none"), spec], {
      stdio: "pipe",
    });
    return join(folder, "RPMS/noarch", `${name}-${version}-1.noarch.rpm`);
  }
});
