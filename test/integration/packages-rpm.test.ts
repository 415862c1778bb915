import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askNames, askOwners, type Databases, HOST_DATABASES } from "@afterpatch/agent/host/packages/ask";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const missing = ["/usr/bin/rpm", "/usr/bin/rpmbuild"].find((path) => !existsSync(path));
if (missing && process.env.CI) test("what these tests need is here", () => expect(missing).toBeUndefined());

describe.skipIf(missing)(`packages of rpm${missing ? ` (skipped: no ${missing}; apt-get install rpm)` : ""}`, () => {
  let folder: string;
  let databases: Databases;
  const rpm = (...args: readonly string[]) =>
    execFileSync("rpm", ["--root", join(folder, "root"), "--dbpath", "/db", ...args], { stdio: "pipe" });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "afterpatch-rpm-"));
    mkdirSync(join(folder, "root/db"), { recursive: true });
    databases = { ...HOST_DATABASES, dpkg: "/none", rpm: { root: join(folder, "root"), dbPath: "/db" } };
    build("one", "1.0", "1", ["/usr/bin/one", "/usr/share/one/a b"]);
    build("one", "1.1~rc1", "2", ["/usr/bin/one"], 3);
    build("two", "7", "1^git", ["/usr/bin/two", "/usr/bin/gone"]);
    rpm("--initdb");
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function build(name: string, version: string, release: string, files: readonly string[], epoch = 0): void {
    const spec = join(folder, `${name}.spec`);
    writeFileSync(
      spec,
      `Name: ${name}\nVersion: ${version}\nRelease: ${release}\nEpoch: ${epoch}\nSummary: x\nLicense: x\nBuildArch: noarch
%description\nx\n%install
${files.map((file) => `install -D /dev/null "%{buildroot}${file}"`).join("\n")}
%files\n${files.map((file) => `"${file}"`).join("\n")}\n`,
    );
    execFileSync("rpmbuild", ["-bb", "--define", `_topdir ${folder}`, "--define", "_build_id_links none", spec], {
      stdio: "pipe",
    });
  }
  const file = (name: string) => join(folder, "RPMS/noarch", `${name}.noarch.rpm`);

  test("owners of many paths from one rpm, each put to its path", () => {
    rpm("-i", "--nodeps", file("one-1.0-1"), file("two-7-1^git"));
    rmSync(join(folder, "root/usr/bin/gone"));
    mkdirSync(join(folder, "root/usr/local/bin"), { recursive: true });
    writeFileSync(join(folder, "root/usr/local/bin/mine"), "");
    const asked = [
      "/usr/local/bin/mine",
      "/usr/bin/two",
      "/usr/bin/never-was",
      "/usr/share/one/a b",
      "/usr/bin/gone",
      "/usr/bin/one",
    ];
    const { owners, notes } = askOwners(asked, databases);
    expect(notes).toEqual([]);
    expect(asked.map((path) => owners.get(path)?.shown ?? null)).toEqual([null, "two", null, "one", "two", "one"]);
    expect(owners.get("/usr/bin/one")).toMatchObject({ version: "1.0-1", architecture: "noarch" });
    expect(owners.get("/usr/bin/two")?.version).toBe("7-1^git");
    expect(Math.abs((owners.get("/usr/bin/one")?.installedAt ?? 0) - Date.now())).toBeLessThan(120_000);
  });

  test("after an upgrade the new version, with its epoch", () => {
    rpm("-U", "--nodeps", file("one-1.1~rc1-2"));
    expect(askOwners(["/usr/bin/one"], databases).owners.get("/usr/bin/one")?.version).toBe("3:1.1~rc1-2");
    expect(askNames(new Set(["one", "absent"]), databases)).toMatchObject([{ name: "one", version: "3:1.1~rc1-2" }]);
  });

  test("paths that rpm could take for something else are not asked for", () => {
    const hostile = ["/usr/bin/a\nb", "/usr/bin/\x1b[2J", "/usr/bin/\xff", "/usr/bin/\t"];
    const { owners } = askOwners([...hostile, "/usr/bin/one"], databases);
    expect([...owners.keys()]).toEqual(["/usr/bin/one"]);
  });

  test("a damaged database is said, and nothing is named", () => {
    const broken = join(folder, "broken");
    mkdirSync(join(broken, "db"), { recursive: true });
    writeFileSync(join(broken, "db/rpmdb.sqlite"), "this is no database".repeat(1000));
    const { owners, notes } = askOwners(["/usr/bin/one"], { ...databases, rpm: { root: broken, dbPath: "/db" } });
    expect([...owners.values()].filter((owner) => owner !== null)).toEqual([]);
    expect(notes).toHaveLength(1);
  });
});
