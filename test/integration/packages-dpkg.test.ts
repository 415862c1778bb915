import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askOwners, HOST_DATABASES } from "@afterpatch/agent/host/packages/ask";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const hasDpkg = existsSync("/var/lib/dpkg/status") && existsSync("/usr/bin/dpkg-query");

describe.skipIf(!hasDpkg)("the real database of this host", () => {
  function owner(path: string) {
    return askOwners([path], HOST_DATABASES).owners.get(path);
  }
  function installed(name: string): string {
    const [line = ""] = execFileSync("dpkg-query", ["-W", name], { encoding: "utf8" }).split("\n");
    return line.replace(/^.*\t/, "");
  }

  test("libc by both of its spellings, without its architecture", () => {
    const real = realpathSync("/lib/x86_64-linux-gnu/libc.so.6");
    for (const path of [real, real.replace("/usr/lib/", "/lib/")]) {
      expect(owner(path)).toMatchObject({ shown: "libc6", version: installed("libc6") });
    }
  });

  test("what an alternative leads to belongs to the package that brought it, the link to nobody", () => {
    const path = realpathSync("/usr/bin/awk");
    const name = execFileSync("dpkg", ["-S", path], { encoding: "utf8" }).split(":")[0] ?? "";
    expect(owner(path)).toMatchObject({ name, version: installed(name) });
    expect(owner("/etc/alternatives/awk")).toBeNull();
  });

  test("every file of a few packages is told as dpkg -S tells it, all in one question", () => {
    const names = ["bash", "coreutils", "libssl3", "dpkg"].filter((name) => existsSync(`/usr/share/doc/${name}`));
    const files = names.flatMap((name) =>
      execFileSync("dpkg", ["-L", name], { encoding: "utf8" })
        .split("\n")
        .filter((path) => /\/(?:s?bin|lib)\/.*[^/]$/.test(path) && !path.includes("diverted"))
        .slice(0, 40)
        .map((path) => [name, path] as const),
    );
    const { owners, notes } = askOwners(
      files.map(([, path]) => path),
      HOST_DATABASES,
    );
    expect(notes).toEqual([]);
    expect(files.length).toBeGreaterThan(20);
    // A folder that several packages list has no owner.
    const told = files.filter(([, path]) => owners.get(path) !== null);
    expect(told.length).toBeGreaterThan(20);
    for (const [name, path] of told) expect([path, owners.get(path)?.name]).toEqual([path, name]);
  });

  test("nobody's file", () => expect(owner("/usr/local/bin/nobody-has-this")).toBeNull());
});

describe("a database of dpkg", () => {
  let folder: string;
  const at = (path: string) => join(folder, path);
  const databases = () => ({
    ...HOST_DATABASES,
    dpkg: folder,
    root: at("root"),
    rpm: { root: folder, dbPath: "/none" },
  });
  const ask = (...paths: readonly string[]) => askOwners(paths, databases());

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "afterpatch-dpkg-"));
    for (const name of ["info", "updates", "root/usr/lib"]) mkdirSync(at(name), { recursive: true });
    symlinkSync("usr/lib", at("root/lib"));
    status("dpkg 1.0 amd64", "libone 1-1 amd64", "libone 1-1 i386", "wrapper 2-1 all");
    list("libone:amd64", "/lib/libone.so", "/usr/bin/one", "/usr/share/one");
    list("libone:i386", "/lib/i386/libone.so", "/usr/share/one");
    list("wrapper", "/usr/bin/one", "/usr/share/both");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function stanza(line: string, state = "installed"): string {
    const [name, version, architecture] = line.split(" ");
    return `Package: ${name}\nStatus: install ok ${state}\nArchitecture: ${architecture}\nVersion: ${version}\nDescription: x\n more\n\n`;
  }
  function status(...lines: readonly string[]): void {
    writeFileSync(at("status"), lines.map((line) => stanza(line)).join(""));
  }
  function list(name: string, ...paths: readonly string[]): void {
    writeFileSync(at(`info/${name}.list`), paths.map((path) => `${path}\n`).join(""));
  }

  test("a foreign architecture is shown, the host's own is not", () => {
    utimesSync(at("info/libone:amd64.list"), 1_700_000_000, 1_700_000_000);
    const { owners } = ask("/usr/lib/libone.so", "/usr/lib/i386/libone.so", "/usr/share/one");
    expect(owners.get("/usr/lib/libone.so")).toMatchObject({ shown: "libone", installedAt: 1_700_000_000_000 });
    expect(owners.get("/usr/lib/i386/libone.so")).toMatchObject({ shown: "libone:i386", version: "1-1" });
    expect(owners.get("/usr/share/one")).toMatchObject({ shown: "libone", version: "1-1" });
  });

  test("a diverted file and the one that took its place", () => {
    writeFileSync(at("diversions"), "/usr/bin/one\n/usr/bin/one.real\nwrapper\n");
    const { owners } = ask("/usr/bin/one", "/usr/bin/one.real");
    expect(owners.get("/usr/bin/one")).toMatchObject({ shown: "wrapper", version: "2-1" });
    expect(owners.get("/usr/bin/one.real")).toMatchObject({ shown: "libone", version: "1-1" });
  });

  test("a file that two packages list without a diversion has no sure owner", () => {
    expect(ask("/usr/bin/one").owners.get("/usr/bin/one")).toBeNull();
  });

  test("in the middle of a transaction updates/ counts, and half installed is no version", () => {
    writeFileSync(at("updates/0000"), stanza("libone 1-1 amd64", "half-installed"));
    expect(ask("/lib/libone.so").owners.get("/lib/libone.so")).toMatchObject({ shown: "libone", version: null });
    writeFileSync(at("updates/0001"), stanza("libone 1-2 amd64", "unpacked"));
    writeFileSync(at("updates/tmp.i"), stanza("libone 9-9 amd64"));
    expect(ask("/lib/libone.so").owners.get("/lib/libone.so")).toMatchObject({ shown: "libone", version: "1-2" });
  });

  test.each([
    ["a FIFO as status", () => fifo("status"), /status: not a regular file/],
    ["a FIFO as a list", () => fifo("info/libone:amd64.list"), /libone:amd64\.list: not a regular file/],
    ["a link that leads to itself", () => loop("info/libone:amd64.list"), /libone:amd64\.list: ELOOP/],
    ["a list of a terabyte", () => truncateSync(at("info/wrapper.list"), 2 ** 40), /wrapper\.list: too large/],
    ["a status of a terabyte", () => truncateSync(at("status"), 2 ** 40), /status: too large/],
    ["a FIFO in updates/", () => fifo("updates/0007"), /updates\/0007: not a regular file/],
    [
      "a file as info/",
      () => {
        rmSync(at("info"), { recursive: true });
        loop("info");
      },
      /info: ELOOP/,
    ],
  ])("%s: nothing is named, and the reason is said once", (_name, spoil, why) => {
    spoil();
    const { owners, notes } = ask("/usr/lib/libone.so", "/usr/bin/one", "/usr/share/both");
    expect([...owners.values()]).toEqual([]);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(why);
  });

  test("a status that knows nothing of a package with a list leaves its files unknown", () => {
    status("dpkg 1.0 amd64");
    const { owners, notes } = ask("/usr/lib/libone.so", "/usr/bin/nobodys");
    expect([...owners]).toEqual([["/usr/bin/nobodys", null]]);
    expect(notes).toEqual([expect.stringContaining("it does not know libone")]);
  });

  test("a FIFO as diversions is said, everything else goes on", () => {
    fifo("diversions");
    const { owners, notes } = ask("/usr/lib/libone.so");
    expect(owners.get("/usr/lib/libone.so")).toMatchObject({ shown: "libone" });
    expect(notes).toEqual([expect.stringContaining("diversions: not a regular file")]);
  });

  test.each([
    ["cut off in the middle", (text: string) => text.slice(0, text.indexOf("Version: 1-1"))],
    ["control characters for a version", (text: string) => text.replaceAll("1-1", "1\u001b[2J")],
    ["no line ends", (text: string) => text.replaceAll("\n", " ")],
    ["zeros", (text: string) => "\0".repeat(text.length)],
  ])("a status with %s names no version", (_name, spoil) => {
    const whole = ["dpkg 1.0 amd64", "libone 1-1 amd64"].map((line) => stanza(line)).join("");
    writeFileSync(at("status"), spoil(whole));
    expect(ask("/usr/lib/libone.so").owners.get("/usr/lib/libone.so")?.version ?? null).toBeNull();
  });

  function fifo(path: string): void {
    rmSync(at(path), { force: true });
    execFileSync("mkfifo", [at(path)]);
  }
  function loop(path: string): void {
    rmSync(at(path), { force: true });
    symlinkSync(at(path), at(path));
  }
});
