import fc from "fast-check";
import { expect, test } from "vitest";
import { expectQuick, hostile } from "../../../../test/fakes/hostile.ts";
import { parseApkInstalled } from "./apk.ts";
import { firstOfPacmanLog, listedInPacman, pacmanFolder, parsePacmanDesc, parsePacmanLog } from "./pacman.ts";

// As Alpine 3.19 has it, shortened.
const INSTALLED = `C:Q1Ef3iwt+cMdGngEgaFr2URIJhKzQ=
P:busybox
V:1.36.1-r15
A:x86_64
S:509600
T:Size optimized toolbox of many common UNIX utilities
o:busybox
t:1705920126
D:so:libc.musl-x86_64.so.1
p:cmd:busybox=1.36.1-r15
F:bin
R:busybox
a:0:0:755
Z:Q1uLx7A2tSPo5yPqN5SW7wvKFW0nY=
F:etc
R:securetty
Z:Q1mB95Hq2NUTZ599RDiSsj9w5FrOU=

C:Q1x
P:musl
V:1.2.4_git20230717-r4
A:x86_64
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1IXR5ZHCjSNfoq3UUYhOgGmfpMjk=
R:libc.musl-x86_64.so.1
a:0:0:777
`;

test("apk: who has files, with their digests", () => {
  const paths = new Set(["/bin/busybox", "/lib/libc.musl-x86_64.so.1", "/nobody's"]);
  const told = parseApkInstalled(INSTALLED, { paths });
  expect(told.map(({ name, version, architecture, files }) => [name, version, architecture, [...files]])).toEqual([
    ["busybox", "1.36.1-r15", "x86_64", [["/bin/busybox", "uLx7A2tSPo5yPqN5SW7wvKFW0nY="]]],
    ["musl", "1.2.4_git20230717-r4", "x86_64", [["/lib/libc.musl-x86_64.so.1", null]]],
  ]);
  expect(parseApkInstalled(INSTALLED, { names: new Set(["musl"]) }).map(({ name }) => name)).toEqual(["musl"]);
  expect(parseApkInstalled("", { paths })).toEqual([]);
  expect(parseApkInstalled("F:bin\nR:busybox\n", { paths })).toEqual([]);
});

// As pacman 6.0.2 wrote it.
const DESC = `%NAME%
libx

%VERSION%
1:1.0-1

%DESC%
x

%ARCH%
x86_64

%INSTALLDATE%
1795441788

%VALIDATION%
none

`;
const FILES = "%FILES%\nusr/\nusr/lib/\nusr/lib/libx.so\n\n%BACKUP%\nusr/lib/other.so\tabc\n";
const LOG = `[2026-11-23T13:49:48+0000] [PACMAN] Running 'pacman -U libx'
[2026-11-23T13:49:48+0000] [ALPM] transaction started
[2026-11-23T13:49:48+0000] [ALPM] installed libx (1.0-1)
[2026-11-23T13:50:00+0000] [ALPM] reinstalled libx (1.0-1)
[2026-11-23T13:51:00+0000] [ALPM] upgraded libx (1.0-1 -> 1.1-1)
[2026-11-23T13:51:00+0000] [ALPM] upgraded other (1 -> 2)
[2026-11-23T13:52:00+0000] [ALPM] downgraded libx (1.1-1 -> 1.0-1)
[2026-11-23T13:53:00+0000] [ALPM] removed libx (1.0-1)
`;
const instantOf = (zoned: string) => Number(zoned.slice(14, 16)) * 60_000;

test("pacman: a package, its files, its folder", () => {
  expect(parsePacmanDesc(DESC)).toEqual({
    name: "libx",
    version: "1:1.0-1",
    architecture: "x86_64",
    installedAt: 1_795_441_788_000,
  });
  expect(parsePacmanDesc("%NAME%\nx\n")).toBeNull();
  expect(listedInPacman(FILES, new Set(["/usr/lib/libx.so", "/usr/lib/other.so", "/usr/lib"]))).toEqual([
    "/usr/lib/libx.so",
  ]);
  expect(listedInPacman("", new Set(["/x"]))).toEqual([]);
  expect(pacmanFolder("lib-x-1:1.0-1")).toEqual({ name: "lib-x", version: "1:1.0-1" });
  expect(pacmanFolder("ALPM_DB_VERSION")).toBeNull();
});

test("pacman's log", () => {
  const changes = parsePacmanLog(LOG, new Set(["libx"]), instantOf);
  expect(changes.map(({ from, to, endedAt }) => [from, to, endedAt / 60_000])).toEqual([
    [null, "1.0-1", 49 + 1 / 60],
    ["1.0-1", "1.1-1", 51 + 1 / 60],
    ["1.1-1", "1.0-1", 52 + 1 / 60],
    ["1.0-1", null, 53 + 1 / 60],
  ]);
  expect(firstOfPacmanLog(LOG)).toBe("2026-11-23T13:49:48+0000");
  expect(firstOfPacmanLog("nothing")).toBeNull();
});

test("damaged databases and logs", () => {
  const paths = new Set(["/bin/busybox", "/usr/lib/libx.so"]);
  const wanted = new Set(["libx"]);
  fc.assert(
    fc.property(hostile(INSTALLED, DESC, FILES, LOG), (text) => {
      for (const { files } of parseApkInstalled(text, { paths }))
        for (const path of files.keys()) expect(paths).toContain(path);
      for (const path of listedInPacman(text, paths)) expect(paths).toContain(path);
      for (const { name } of parsePacmanLog(text, wanted, instantOf)) expect(name).toBe("libx");
      parsePacmanDesc(text);
    }),
  );
  expectQuick((text) => parseApkInstalled(text, { paths }), [INSTALLED, "F:", "R:\n", "\n"]);
  expectQuick((text) => listedInPacman(text, paths), [FILES, "%FILES%\n", "\n"]);
  expectQuick((text) => parsePacmanLog(text, wanted, instantOf), [LOG, "[", "\n"]);
  expectQuick(parsePacmanDesc, [DESC, "%NAME%\n", "\n"]);
});
