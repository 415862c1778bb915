import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askNames, askOwners, type Databases, HOST_DATABASES } from "@afterpatch/agent/host/packages/ask";
import { fixesOnHost } from "@afterpatch/agent/look/fixes";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// pacman's own database, made by the real pacman; apk is not in Debian, so its database is text as apk writes it.

const NONE: Databases = {
  ...HOST_DATABASES,
  dpkg: "/none",
  rpm: { root: null, dbPath: "/none" },
  apk: "/none",
  pacman: "/none",
};
const hasTool = existsSync("/usr/bin/pacman");
if (!hasTool && process.env.CI) test("pacman is here", () => expect(hasTool).toBe(true));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "afterpatch-packages-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!hasTool)("pacman", () => {
  let databases: Databases;
  const install = (version: string) => {
    const work = join(folder, `work-${version}`);
    mkdirSync(join(work, "usr/lib"), { recursive: true });
    writeFileSync(join(work, "usr/lib/libx.so"), version);
    const info = `pkgname = libx\npkgver = ${version}\nbuilddate = 1700000000\nsize = 1\narch = any\n`;
    writeFileSync(join(work, ".PKGINFO"), info);
    const file = join(folder, `libx-${version}-any.pkg.tar.gz`);
    execFileSync("tar", ["-C", work, "-czf", file, ".PKGINFO", "usr"]);
    const own = ["--root", join(folder, "root"), "--dbpath", join(folder, "db"), "--cachedir", folder];
    execFileSync("pacman", [...own, "--logfile", join(folder, "pacman.log"), "--noconfirm", "-U", file], {
      stdio: "pipe",
    });
  };

  beforeAll(() => {
    for (const name of ["root", "db"]) mkdirSync(join(folder, name));
    install("1.0-1");
    install("1.1-1");
    databases = { ...NONE, pacman: join(folder, "db") };
  });

  test("whose a file is, and since when", () => {
    const { owners, notes } = askOwners(["/usr/lib/libx.so", "/usr/lib/nobodys.so"], databases);
    expect(notes).toEqual([]);
    expect(owners.get("/usr/lib/nobodys.so")).toBeNull();
    const owner = owners.get("/usr/lib/libx.so");
    expect(owner).toMatchObject({ name: "libx", shown: "libx", version: "1.1-1", architecture: "any" });
    expect(Math.abs((owner?.installedAt ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(askNames(new Set(["libx", "none"]), databases).map(({ version }) => version)).toEqual(["1.1-1"]);
  });

  test("a database that cannot be read is said, and nobody is called nobody's", () => {
    rmSync(join(folder, "db/local/libx-1.1-1/desc"));
    expect(askOwners(["/usr/lib/libx.so"], databases)).toEqual({
      owners: new Map(),
      notes: ["pacman: libx-1.1-1/desc cannot be read: packages are not named"],
    });
  });
});

describe("apk", () => {
  const text = "the library";
  const sha1 = createHash("sha1").update(text).digest("base64");
  let databases: Databases;

  beforeAll(() => {
    mkdirSync(join(folder, "apk/lib"), { recursive: true });
    writeFileSync(join(folder, "apk/lib/libx.so"), text);
    writeFileSync(join(folder, "apk/lib/changed.so"), text);
    const files = ["libx.so", "changed.so"].map((name) => `R:${name}\nZ:Q1${sha1}\n`).join("");
    writeFileSync(join(folder, "apk/installed"), `P:libx\nV:1.2-r0\nA:x86_64\nF:lib\n${files}\n`);
    databases = { ...NONE, apk: join(folder, "apk"), root: join(folder, "apk") };
  });

  test("a file of the database's own digest is of the version that it names", () => {
    const owner = askOwners(["/lib/libx.so"], databases).owners.get("/lib/libx.so");
    expect(owner).toMatchObject({ name: "libx", version: "1.2-r0" });
    expect(Math.abs((owner?.installedAt ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(askNames(new Set(["libx"]), databases).map(({ version }) => version)).toEqual(["1.2-r0"]);
    expect(fixesOnHost("CVE-2026-1", databases)).toEqual({ fixes: [], untold: 1 }); // it keeps no changelogs
  });

  test("one that was changed by hand is of no version, and others are nobody's", () => {
    writeFileSync(join(folder, "apk/lib/changed.so"), "by hand");
    const { owners } = askOwners(["/lib/changed.so", "/lib/nobodys.so"], databases);
    expect(owners.get("/lib/changed.so")).toMatchObject({ name: "libx", version: null });
    expect(owners.get("/lib/nobodys.so")).toBeNull();
    expect(readFileSync(join(folder, "apk/installed"), "utf8")).toContain("P:libx");
  });
});
