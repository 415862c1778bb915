import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { scanHost } from "@afterpatch/agent/host/scan";
import { usersOf } from "@afterpatch/agent/look/users";
import { whyOf } from "@afterpatch/agent/look/why";
import type { Finding, FoundFile, Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openWorkshop, type Workshop, whatIsMissing } from "./old-code.ts";

// Real interpreters and what they read. Every program is started first, then every file is changed, then one scan judges all.

const missing = whatIsMissing();
if (missing !== null && process.env.CI) test("what these tests need is here", () => expect(missing).toBeNull());

interface Language {
  readonly name: string;
  readonly command: string;
  /** The ending of its files. */
  readonly ending: string;
  /** A program that loads `module` beside it, says "ready" and waits. */
  readonly main: string;
  readonly module: string;
}

const LANGUAGES: readonly Language[] = [
  {
    name: "Python",
    command: "/usr/bin/python3",
    ending: ".py",
    main: "import module_name, time\nprint('ready', flush=True)\nwhile True: time.sleep(60)\n",
    module: "def x(): return VERSION\n",
  },
  {
    name: "Perl",
    command: "/usr/bin/perl",
    ending: ".pm",
    main: 'use FindBin; use lib "$FindBin::Bin"; use module_name; $| = 1; print "ready\\n"; sleep 60 while 1;\n',
    module: "package module_name; sub x { VERSION } 1;\n",
  },
  {
    name: "Ruby",
    command: "/usr/bin/ruby",
    ending: ".rb",
    main: "require_relative 'module_name'\n$stdout.sync = true\nputs 'ready'\nloop { sleep 60 }\n",
    module: "def x; VERSION; end\n",
  },
  {
    name: "Node",
    command: process.execPath,
    ending: ".js",
    main: 'require("./module_name"); console.log("ready"); setInterval(() => {}, 60000);\n',
    module: "exports.x = VERSION;\n",
  },
  {
    name: "PHP",
    command: "/usr/bin/php",
    ending: ".php",
    main: '<?php require __DIR__ . "/module_name.php"; echo "ready\\n"; while (true) sleep(60);\n',
    module: "<?php function x() { return VERSION; }\n",
  },
];

/** A process, its child, and a grandchild that is made later; each ends with its parent. */
const FORKS = `import os, sys, time
if os.fork() == 0:
  while not os.path.exists(sys.argv[1]): time.sleep(0.05)
  os.fork()
else: print('ready', flush=True)
parent = os.getppid()
while os.getppid() == parent: time.sleep(0.2)
`;

/** `class Main` that says "ready" and waits, compiled by javac --release 8: the test has a runtime and no compiler. */
const WAITS = [
  "yv66vgAAADQAJQoAAgADBwAEDAAFAAYBABBqYXZhL2xhbmcvT2JqZWN0AQAGPGluaXQ+AQADKClWCQAIAAkHAAoMAAsADAEAEGph",
  "dmEvbGFuZy9TeXN0ZW0BAANvdXQBABVMamF2YS9pby9QcmludFN0cmVhbTsIAA4BAAVyZWFkeQoAEAARBwASDAATABQBABNqYXZh",
  "L2lvL1ByaW50U3RyZWFtAQAHcHJpbnRsbgEAFShMamF2YS9sYW5nL1N0cmluZzspVgUAAAAAAJiWfwoAGAAZBwAaDAAbABwBABBq",
  "YXZhL2xhbmcvVGhyZWFkAQAFc2xlZXABAAQoSilWBwAeAQAETWFpbgEABENvZGUBAARtYWluAQAWKFtMamF2YS9sYW5nL1N0cmlu",
  "ZzspVgEACkV4Y2VwdGlvbnMHACQBABNqYXZhL2xhbmcvRXhjZXB0aW9uACAAHQACAAAAAAACAAAABQAGAAEAHwAAABEAAQABAAAA",
  "BSq3AAGxAAAAAAAJACAAIQACAB8AAAAbAAIAAQAAAA+yAAcSDbYADxQAFbgAF7EAAAAAACIAAAAEAAEAIwAA",
];

const here = LANGUAGES.filter(({ command }) => existsSync(command));

const all = describe.skipIf(missing !== null);

all(`interpreted programs${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let shop: Workshop;
  let state: string;
  let scan: Scan;
  /** The same, by a scan that keeps nothing from one to the next. */
  let withoutMemory: Scan;
  /** Once more, when nothing has changed since `scan`. */
  let later: Scan;
  const pids = new Map<string, number>();
  const at = (path: string) => join(shop.folder, path);

  const write = (path: string, text: string) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text);
  };
  /** As package managers do: a new file takes the name of the old one. */
  const replace = (path: string, text: string) => {
    writeFileSync(at(`${path}.new`), text);
    renameSync(at(`${path}.new`), at(path));
  };
  const starts: (() => Promise<unknown>)[] = [];
  const start = (name: string, command: string, args: readonly string[]) => {
    starts.push(async () => pids.set(name, await shop.start(command, args)));
  };
  const options = () => ({ hostId: null, name: "here", now: Date.now, inventory: join(state, "inventory") });
  const look = () => scanHost(options());
  const forks = () =>
    readdirSync("/proc").filter((pid) => /^[0-9]/.test(pid) && commandOf(pid).includes(at("forked/main.py")));
  const findingOf = (name: string): Finding | null =>
    scan.findings.find(({ process }) => process?.pid === pids.get(name)) ?? null;
  const filesOf = (name: string): readonly Pick<FoundFile, "kind" | "verdict" | "path">[] =>
    (findingOf(name)?.files ?? []).map(({ kind, verdict, path }) => ({
      kind,
      verdict,
      path: path.replace(`${shop.folder}/`, ""),
    }));
  const programOf = ({ main, module, ending }: Language, folder: string) => {
    write(`${folder}/main`, main.replaceAll("module_name", "m"));
    write(`${folder}/m${ending}`, module.replaceAll("module_name", "m").replace("VERSION", "1"));
  };
  const changedModule = ({ module }: Language) => module.replaceAll("module_name", "m").replace("VERSION", "2");

  beforeAll(async () => {
    shop = openWorkshop();
    state = mkdtempSync(join(tmpdir(), "afterpatch-state-"));
    for (const language of here) {
      for (const kind of ["main", "module", "touched", "again", "written"]) {
        programOf(language, `${language.name}-${kind}`);
        start(`${language.name}-${kind}`, language.command, [at(`${language.name}-${kind}/main`)]);
      }
    }
    prepareShells();
    preparePythons();
    prepareJava();
    write("renamed/main", '$0 = "renamed: master"; $| = 1; print "ready\\n"; sleep 60 while 1;');
    start("renamed", "/usr/bin/perl", [at("renamed/main")]);
    // Within a second nothing is first, and only a scan that was there before can tell of bytes.
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await Promise.all(starts.map((begin) => begin()));
    const youngest = Math.max(...pids.values());
    await vi.waitFor(() => expect(ageMs(youngest)).toBeGreaterThan(2500), { timeout: 10_000 });
    scan = look();
    expect([...pids.keys()].filter((name) => findingOf(name) !== null)).toEqual([]);
    change();
    scan = look();
    withoutMemory = scanHost({ ...options(), inventory: null });
    writeFileSync(at("forked/late"), "");
    await vi.waitFor(() => expect(forks().length).toBe(3), { timeout: 10_000 });
    later = look();
  }, 120_000);

  afterAll(async () => {
    await shop.close();
    rmSync(state, { recursive: true, force: true });
  });

  const SHELL = "echo ready\nwhile sleep 1; do :; done\n# end\n";
  function prepareShells(): void {
    for (const name of ["dash", "bash"]) {
      for (const kind of ["replaced", "again", "removed", "touched", "written"]) {
        write(`${name}-${kind}/run.sh`, SHELL);
        start(`${name}-${kind}`, `/usr/bin/${name}`, [at(`${name}-${kind}/run.sh`)]);
      }
    }
    write("sourced/lib.sh", "x() { :; }\n");
    write("sourced/run.sh", `. ${at("sourced/lib.sh")}\n${SHELL}`);
    start("sourced", "/bin/sh", [at("sourced/run.sh")]);
    write("shell-moved/1/run.sh", SHELL);
    execFileSync("ln", ["-s", "1", at("shell-moved/current")]);
    start("shell-moved", "/bin/sh", [at("shell-moved/current/run.sh")]);
  }

  function preparePythons(): void {
    const wait = "import time\nprint('ready', flush=True)\nwhile True: time.sleep(60)\n";
    write("by-name/pkg/__init__.py", "");
    write("by-name/pkg/inner.py", "");
    write("by-name/pkg/__main__.py", `from . import inner\n${wait}`);
    start("by-name", "/bin/sh", ["-c", `cd ${at("by-name")} && exec /usr/bin/python3 -m pkg`]);
    execFileSync("/usr/bin/python3", ["-m", "venv", "--without-pip", at("venv")]);
    const [site = ""] = execFileSync("sh", ["-c", `echo ${at("venv")}/lib/python3*/site-packages`], {
      encoding: "utf8",
    }).split("\n");
    const inside = site.replace(`${shop.folder}/`, "");
    write(`${inside}/lib_x/__init__.py`, "");
    write(`${inside}/lib_x-1.0.dist-info/RECORD`, "lib_x/__init__.py,,\nlib_x-1.0.dist-info/RECORD,,\n");
    write("venv/app/main.py", `import lib_x\n${wait}`);
    venvModule = `${inside}/lib_x/__init__.py`;
    start("venv", at("venv/bin/python"), [at("venv/app/main.py")]);
    write("forked/main.py", FORKS);
    start("forked", "/usr/bin/python3", [at("forked/main.py"), at("forked/late")]);
  }
  let venvModule = "";

  function prepareJava(): void {
    if (!existsSync("/usr/bin/java")) return;
    mkdirSync(at("java"), { recursive: true });
    writeFileSync(at("java/Main.class"), Buffer.from(WAITS.join(""), "base64"));
    for (const name of ["open", "named"]) archive(`java/${name}.jar`, ["Main.class"]);
    start("java", "/usr/bin/java", ["-cp", `${at("java/open.jar")}:${at("java/named.jar")}`, "Main"]);
  }
  const archive = (path: string, files: readonly string[]) =>
    execFileSync("/usr/bin/python3", ["-m", "zipfile", "-c", at(path), ...files], { cwd: at("java") });

  function change(): void {
    for (const language of here) {
      const { name, ending, main } = language;
      replace(`${name}-main/main`, `${main.replaceAll("module_name", "m")}\n`);
      replace(`${name}-module/m${ending}`, changedModule(language));
      for (const file of ["main", `m${ending}`]) {
        chmodSync(at(`${name}-touched/${file}`), 0o755);
        utimesSync(at(`${name}-touched/${file}`), new Date(), new Date());
        replace(`${name}-again/${file}`, readFileSync(at(`${name}-again/${file}`), "utf8"));
      }
      writeFileSync(at(`${name}-written/m${ending}`), changedModule(language));
    }
    for (const name of ["dash", "bash"]) {
      replace(`${name}-replaced/run.sh`, `${SHELL}# 2\n`);
      replace(`${name}-again/run.sh`, SHELL);
      rmSync(at(`${name}-removed/run.sh`));
      chmodSync(at(`${name}-touched/run.sh`), 0o755);
      utimesSync(at(`${name}-touched/run.sh`), new Date(), new Date());
      writeFileSync(at(`${name}-written/run.sh`), `${SHELL}# 3\n`);
    }
    replace("sourced/lib.sh", "x() { echo; }\n");
    write("shell-moved/2/run.sh", `${SHELL}# 2\n`);
    execFileSync("ln", ["-sfn", "2", at("shell-moved/current")]);
    replace("by-name/pkg/inner.py", "x = 2\n");
    replace(venvModule, "x = 2\n");
    replace("forked/main.py", "x = 2\n");
    if (pids.has("java"))
      for (const name of ["open", "named"]) {
        write("java/more", "2");
        archive("java/new", ["Main.class", "more"]);
        renameSync(at("java/new"), at(`java/${name}.jar`));
      }
  }

  describe.each(LANGUAGES)("$name", ({ name, command, ending }) => {
    const known = existsSync(command);
    if (!known && process.env.CI) test(`${command} is here`, () => expect(known).toBe(true));
    const withIt = test.skipIf(!known);

    withIt("its script is another one now", () => {
      expect(filesOf(`${name}-main`)).toEqual([
        { kind: "script", verdict: expect.stringMatching(/^(suspected|replaced)$/), path: `${name}-main/main` },
      ]);
    });
    withIt("a module that it loads is another one now", () => {
      expect(filesOf(`${name}-module`)).toEqual([
        { kind: "script", verdict: "suspected", path: `${name}-module/m${ending}` },
      ]);
      expect(findingOf(`${name}-module`)?.files[0]?.evidence).toBe(
        "an earlier scan saw other bytes in it, and the process was there then",
      );
    });
    withIt("a module was written to in place", () => {
      expect(filesOf(`${name}-written`)).toEqual([
        { kind: "script", verdict: "suspected", path: `${name}-written/m${ending}` },
      ]);
    });
    withIt("other modes and times are no finding", () => expect(findingOf(`${name}-touched`)).toBeNull());
    withIt("the same bytes in new files are none either", () => expect(findingOf(`${name}-again`)).toBeNull());
  });

  describe.each(["dash", "bash"])("%s", (name) => {
    test("the script that it is reading was replaced: exact, by its descriptor", () => {
      expect(filesOf(`${name}-replaced`)).toEqual([
        { kind: "script", verdict: "replaced", path: `${name}-replaced/run.sh` },
      ]);
      expect(findingOf(`${name}-replaced`)?.files[0]?.evidence).toMatch(
        /^its descriptor (10|255) is open on what it reads$/,
      );
    });
    test("the script is gone", () =>
      expect(filesOf(`${name}-removed`)).toEqual([
        { kind: "script", verdict: "removed", path: `${name}-removed/run.sh` },
      ]));
    test("it was written to while it was read", () =>
      expect(findingOf(`${name}-written`)?.verdict).toBe("modified-in-place"));
    test("the same bytes again, modes and times are no finding", () => {
      expect([findingOf(`${name}-again`), findingOf(`${name}-touched`)]).toEqual([null, null]);
    });
  });

  test("what was found once is found again", () => {
    const old = ({ findings }: Scan) =>
      findings.map(({ process, verdict, files }) =>
        JSON.stringify([process?.pid, verdict, files.map(({ path }) => path)]),
      );
    const mine = new Set(pids.values());
    const first = scan.findings.filter(({ process }) => process && mine.has(process.pid));
    expect(first.length).toBeGreaterThan(15);
    expect(old(later)).toEqual(expect.arrayContaining(old({ ...scan, findings: first })));
  });

  test.each(here.map(({ name, ending }) => [name, ending] as const))(
    "%s without a memory: the birth of a file counts, and nothing else",
    (name, ending) => {
      const filesNow = (kind: string) =>
        (withoutMemory.findings.find(({ process }) => process?.pid === pids.get(`${name}-${kind}`))?.files ?? []).map(
          ({ path, verdict, evidence }) => [path, verdict, evidence?.replace(/ [0-9].* UTC/, "")],
        );
      const made = "made, after the process started";
      expect(filesNow("module")).toEqual([[at(`${name}-module/m${ending}`), "suspected", made]]);
      expect(filesNow("again")).toContainEqual([at(`${name}-again/m${ending}`), "suspected", made]);
      expect([...filesNow("touched"), ...filesNow("written")]).toEqual([]);
    },
  );

  describe.each([
    ["forward", 3],
    ["back", -3],
  ])("the clock is set %s by hours", (_where, hours) => {
    let stepped: Scan;
    const verdictOf = (name: string) =>
      stepped.findings.find(({ process }) => process?.pid === pids.get(name))?.verdict ?? null;
    beforeAll(() => {
      stepped = scanHost({ ...options(), now: () => Date.now() + hours * 3_600_000 });
    });

    test("what is current stays so", () => {
      const current = [...pids.keys()].filter((name) => /-(?:touched|again)$/.test(name));
      expect(current.length).toBeGreaterThan(4);
      const called = current.flatMap((name) => {
        const finding = stepped.findings.find(({ process }) => process?.pid === pids.get(name));
        return finding
          ? [[name, ...finding.files.map(({ path, verdict, evidence }) => [path, verdict, evidence])]]
          : [];
      });
      expect(called).toEqual([]);
    });

    test("what a scan saw change, and what a descriptor shows, is found again", () => {
      for (const { name } of here) expect([name, verdictOf(`${name}-module`)]).toEqual([name, "suspected"]);
      for (const { name } of here) expect([name, verdictOf(`${name}-written`)]).toEqual([name, "suspected"]);
      for (const name of ["dash", "bash"]) expect(verdictOf(`${name}-replaced`)).toBe("replaced");
    });
  });

  test("a file that a shell read with . is suspected", () => {
    expect(filesOf("sourced")).toEqual([{ kind: "script", verdict: "suspected", path: "sourced/lib.sh" }]);
  });

  test("the link by which a script was started leads to another release", () => {
    expect(filesOf("shell-moved")).toEqual([{ kind: "script", verdict: "suspected", path: "shell-moved/2/run.sh" }]);
  });

  test("python3 -m: the module's own imports", () => {
    expect(filesOf("by-name")).toEqual([{ kind: "script", verdict: "suspected", path: "by-name/pkg/inner.py" }]);
  });

  test("a virtual environment's module, and which distribution has it", () => {
    expect(filesOf("venv")).toEqual([{ kind: "script", verdict: "suspected", path: venvModule }]);
    expect(findingOf("venv")?.files[0]?.evidence).toContain("of the distribution lib_x 1.0");
  });

  test("why: what may be old and what is not, of mapped files and of read ones", () => {
    const document = whyOf(pids.get("venv") ?? 0, options());
    expect(document.because).toMatch(
      /^It is suspected to run old code: 1 of \d+ files may not be the ones on the disk\.$/,
    );
    expect(document.files[0]).toMatchObject({
      kind: "script",
      copy: "old",
      path: at(venvModule),
      evidence: expect.any(String),
    });
    expect(document.files.find(({ path }) => path === at("venv/app/main.py"))).toMatchObject({
      kind: "script",
      copy: "new",
    });
    const current = whyOf(pids.get("dash-touched") ?? 0, options());
    expect(current.because).toMatch(/, and so is, as far as can be told, each of the 1 that it interprets\.$/);
  });

  test("users: who has read a script, old and new", () => {
    const asked = (path: string) =>
      usersOf({ paths: [path], package: null }, options()).users.map(({ process, file }) => [
        process.pid,
        file.copy,
        file.kind,
      ]);
    expect(asked(at("venv/app/main.py"))).toEqual([[pids.get("venv"), "new", "script"]]);
    expect(asked(at(venvModule))).toEqual([[pids.get("venv"), "old", "script"]]);
    expect(asked(at("bash-removed/run.sh"))).toEqual([[pids.get("bash-removed"), "old", "script"]]);
    expect(() => asked(at("bash-removed/no.sh"))).toThrow(
      /no process has a file of this name mapped, or interprets one/,
    );
  });

  test("what cannot be told is said", () => {
    expect(scan.notes.filter((note) => note.startsWith("interpreters:"))).toEqual([
      expect.stringContaining(
        `pid ${pids.get("renamed")} (/usr/bin/perl: the process has written another title over its command line)`,
      ),
    ]);
    expect(findingOf("renamed")).toBeNull();
  });

  test("a child that was forked has what its parent read, whenever it was made", () => {
    const old = later.findings.filter(
      ({ process, files }) => process && files.some(({ path }) => path === at("forked/main.py")),
    );
    expect(old.length).toBe(3);
  });

  test.skipIf(!existsSync("/usr/bin/java"))(
    "Java: an open archive is exact, one that is only named is suspected",
    () => {
      const byName = new Map(filesOf("java").map(({ path, kind, verdict }) => [path, `${kind} ${verdict}`]));
      expect(byName.get("java/open.jar")).toBe("archive replaced");
      expect(byName.get("java/named.jar")).toMatch(/^archive (suspected|replaced)$/);
    },
  );
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return ""; // gone
  }
}

function ageMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const ticks = Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[19]);
  return Number.parseFloat(readFileSync("/proc/uptime", "latin1")) * 1000 - ticks * 10;
}
