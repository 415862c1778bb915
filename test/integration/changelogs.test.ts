import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { installedChangelogs } from "@afterpatch/agent/host/packages/all-changelogs";
import { type Databases, HOST_DATABASES } from "@afterpatch/agent/host/packages/ask";
import { fixesOf } from "@afterpatch/agent/host/packages/changelogs";
import { fixesOnHost } from "@afterpatch/agent/look/fixes";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ID = "CVE-2026-28387";
const entry = (version: string, change: string) =>
  `one (${version}) unstable; urgency=medium\n\n  * ${change}\n\n -- A <a@b.c>  Fri, 03 Apr 2026 14:29:32 +0200\n\n`;
const CHANGELOG = entry("1-3", `Fix ${ID}`) + entry("1-2", "Fix CVE-2026-0002") + entry("1-1", "New.");
const stanza = (name: string, version: string) =>
  `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\n\n`;

describe("changelogs of Debian packages", () => {
  let folder: string;
  let databases: Databases;
  const put = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  const doc = (name: string) => `usr/share/doc/${name}`;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "afterpatch-changelogs-"));
    const names = ["packed", "plain", "native", "linked", "outside", "cut-off", "upstream", "none"];
    put("dpkg/status", names.map((name) => stanza(name, "1-3")).join(""));
    put(`${doc("packed")}/changelog.Debian.gz`, gzipSync(CHANGELOG));
    put(`${doc("plain")}/changelog.Debian`, CHANGELOG);
    put(`${doc("native")}/changelog.gz`, gzipSync(CHANGELOG));
    symlinkSync("packed", join(folder, doc("linked")));
    put("elsewhere/changelog.Debian", CHANGELOG);
    symlinkSync(join(folder, "elsewhere"), join(folder, doc("outside")));
    put(`${doc("cut-off")}/changelog.Debian.gz`, gzipSync(CHANGELOG));
    truncateSync(join(folder, doc("cut-off"), "changelog.Debian.gz"), 40);
    put(`${doc("upstream")}/changelog.gz`, gzipSync(`Changes of version 1:\n  * Fix ${ID}\n`));
    databases = { ...HOST_DATABASES, dpkg: join(folder, "dpkg"), root: folder, rpm: { root: folder, dbPath: "/none" } };
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each<[string, string, string | null, readonly string[] | null]>([
    ["packed", "1-3", "1-1", ["CVE-2026-0002", ID]],
    ["plain", "1-3", "1-2", [ID]],
    ["native", "1-3", "1-2", [ID]],
    ["linked", "1-3", "1-2", [ID]],
    ["packed:i386", "1-3", "1-2", [ID]],
    ["packed", "1-3", null, null],
    ["packed", "1-3", "0-9", null],
    ["packed", "1-4", "1-3", null],
    ["outside", "1-3", "1-2", null],
    ["cut-off", "1-3", "1-2", null],
    ["upstream", "1-3", "1-2", null],
    ["none", "1-3", "1-2", null],
    ["../../elsewhere", "1-3", "1-2", null],
  ])("%s up to %s from %s", (name, to, from, expected) => {
    expect(fixesOf(databases)({ name, from, to })).toEqual(expected);
  });

  test("who of all packages names a CVE, and of how many nobody can tell", () => {
    const { fixes, untold } = fixesOnHost(ID, databases);
    const told = fixes.map((fix) => `${fix.package} ${fix.fixedIn}`);
    expect(told).toEqual(["linked 1-3", "native 1-3", "packed 1-3", "plain 1-3"]);
    expect(untold).toBe(3); // outside, cut-off, none
  });
});

const missing = ["/usr/bin/rpm", "/usr/bin/rpmbuild"].find((path) => !existsSync(path));
if (missing && process.env.CI) test("what these tests need is here", () => expect(missing).toBeUndefined());

describe.skipIf(missing)(`changelogs of rpm${missing ? ` (skipped: no ${missing}; apt-get install rpm)` : ""}`, () => {
  let folder: string;
  let databases: Databases;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "afterpatch-rpm-changelogs-"));
    mkdirSync(join(folder, "root/db"), { recursive: true });
    databases = { ...HOST_DATABASES, dpkg: "/none", rpm: { root: join(folder, "root"), dbPath: "/db" } };
    const log = `%changelog
* Fri Apr 03 2026 A <a@b.c> - 1:3.0.7-25
- Fix ${ID}
  Resolves: RHEL-1
* Sun Feb 22 2026 A <a@b.c> - 1:3.0.7-24
- Rebase
`;
    const rpm = (...args: readonly string[]) =>
      execFileSync("rpm", ["--root", join(folder, "root"), "--dbpath", "/db", ...args], { stdio: "pipe" });
    rpm("--initdb");
    for (const [name, changelog] of Object.entries({ one: log, two: "" })) {
      const spec = join(folder, `${name}.spec`);
      const head = `Name: ${name}\nVersion: 3.0.7\nRelease: 25.el9\nEpoch: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n`;
      writeFileSync(spec, `${head}%description\nx\n%files\n${changelog}`);
      execFileSync("rpmbuild", ["-bb", "--define", `_topdir ${folder}`, spec], { stdio: "pipe" });
      rpm("-i", "--nodeps", join(folder, `RPMS/noarch/${name}-3.0.7-25.el9.noarch.rpm`));
    }
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each<[string, string, readonly string[] | null]>([
    ["one", "1:3.0.7-24.el9", [ID]],
    ["one", "1:3.0.7-23.el9", null],
    ["two", "1:3.0.7-24.el9", null],
    ["three", "1:3.0.7-24.el9", null],
  ])("%s from %s", (name, from, expected) => {
    expect(fixesOf(databases)({ name, from, to: "1:3.0.7-25.el9" })).toEqual(expected);
  });

  test("who of all packages names a CVE", () => {
    const { found, untold } = installedChangelogs(ID, databases);
    expect(found).toMatchObject([{ name: "one", version: "1:3.0.7-25.el9" }]);
    expect(untold).toBe(1);
  });
});
