import { current, oldService, type Scenario } from "./scenario.ts";
import type { Shop } from "./shop.ts";

/** A program in one language that loads `part`, says that it is ready, and waits. */
interface Language {
  readonly interpreter: string;
  readonly main: string;
  readonly part: string;
  /** Text of the part; `VERSION` stands for a number. */
  readonly text: string;
}

const NODE = "/opt/afterpatch/node";
const PYTHON = "/usr/bin/python3";

const PERL: Language = {
  interpreter: "/usr/bin/perl",
  main: `use FindBin;
use lib "$FindBin::Bin/lib";
use Part;
my ($ready) = $ARGV[0] =~ /^--ready=(.*)/;
open my $file, '>', "$ready.new" or die; print $file $$; close $file;
rename "$ready.new", $ready;
sleep 60 while 1;
`,
  part: "lib/Part.pm",
  text: "package Part; sub version { VERSION } 1;\n",
};

const PYTHON_PROGRAM: Language = {
  interpreter: PYTHON,
  main: `import os, sys, time
import part
ready = sys.argv[1][len("--ready="):]
with open(ready + ".new", "w") as file: file.write(str(os.getpid()))
os.rename(ready + ".new", ready)
while True: time.sleep(60)
`,
  part: "part/__init__.py",
  text: "version = VERSION\n",
};

const NODE_PROGRAM: Language = {
  interpreter: NODE,
  main: `const { renameSync, writeFileSync } = require("node:fs");
require("part");
const ready = process.argv[2].slice("--ready=".length);
writeFileSync(ready + ".new", String(process.pid));
renameSync(ready + ".new", ready);
setInterval(() => {}, 60000);
`,
  part: "node_modules/part/index.js",
  text: "exports.version = VERSION;\n",
};

const SHELL = `echo $$ >"\${1#--ready=}.new"
mv "\${1#--ready=}.new" "\${1#--ready=}"
while sleep 1; do :; done
# version VERSION
`;

/** Programs that an interpreter runs: their files are read and closed, and mapped by nobody. */
export const interpreters: readonly Scenario[] = [
  {
    name: "shell-script-replaced",
    made: "a shell script that runs as a service gets a new version, renamed over it",
    answer: oldService(),
    why: "the shell still reads the old file by its descriptor: the bytes there and those on the disk differ",
    inCi: true,
    make: async (shop) => {
      const pid = await script(shop, "/bin/sh");
      await shop.sh("sed 's/^# version.*/# version 2/' run.sh >new; mv new run.sh");
      return { old: [pid], path: shop.at("run.sh") };
    },
  },
  {
    name: "bash-script-removed",
    made: "the script that bash runs as a service is removed",
    answer: oldService("removed"),
    why: "what it reads is nowhere on the disk",
    make: async (shop) => {
      const pid = await script(shop, "/bin/bash");
      await shop.sh("rm run.sh");
      return { old: [pid], path: shop.at("run.sh") };
    },
  },
  {
    name: "shell-script-written",
    made: "after a scan, the script that a shell runs is written over in place",
    answer: oldService("modified-in-place"),
    why: "the shell goes on reading in the middle of another text",
    make: async (shop) => {
      const pid = await script(shop, "/bin/sh");
      await scanned(shop);
      await shop.sh("printf 'exit 1\\n' >>run.sh");
      return { old: [pid], path: shop.at("run.sh") };
    },
  },
  {
    name: "shell-script-again",
    made: "the same bytes are renamed over the script that a shell runs, and get another mode and time",
    answer: current,
    why: "the descriptor and the path lead to the same bytes",
    inCi: true,
    make: async (shop) => {
      const pid = await script(shop, "/bin/sh");
      await shop.sh("cp run.sh new; mv new run.sh; chmod 755 run.sh; touch run.sh");
      return { current: [pid], path: shop.at("run.sh") };
    },
  },
  {
    name: "perl-script-replaced",
    made: "a Perl program gets a new version, renamed over it",
    answer: oldService("suspected"),
    why: "perl has read and closed it; the file that is there now was made after the process started",
    inCi: true,
    make: (shop) => changed(shop, PERL, "main"),
  },
  {
    name: "perl-module-replaced",
    made: "a module that a Perl program loads gets a new version",
    answer: oldService("suspected"),
    why: "what the program's text loads by name was made after the process started",
    inCi: true,
    make: (shop) => changed(shop, PERL, PERL.part),
  },
  {
    name: "perl-program-touched",
    made: "a Perl program and its module get another mode, owner and time",
    answer: current,
    why: "no byte changed: only the birth of a file counts, which nobody can set",
    inCi: true,
    make: (shop) => touched(shop, PERL),
  },
  {
    name: "perl-module-again",
    made: "after a scan, the same bytes are renamed over a Perl program and its module, as a reinstallation does",
    answer: current,
    why: "the earlier scan kept their digests: the files are new, the bytes are not",
    inCi: true,
    make: async (shop) => {
      const pid = await begun(shop, PERL);
      await scanned(shop);
      await shop.sh(`for f in main ${PERL.part}; do cp $f new; mv new $f; done`);
      return { current: [pid], path: shop.at(PERL.part) };
    },
  },
  {
    name: "perl-module-written",
    made: "after a scan, a module that a Perl program has loaded is written over in place, and its time put back",
    answer: oldService("suspected"),
    why: "the earlier scan kept its digest, and the process was there then; inode, birth and mtime stay",
    inCi: true,
    make: async (shop) => {
      const pid = await begun(shop, PERL);
      await scanned(shop);
      await shop.sh(`cp -p ${PERL.part} kept; echo "# 2" >>${PERL.part}; touch -r kept ${PERL.part}`);
      return { old: [pid], path: shop.at(PERL.part) };
    },
  },
  {
    name: "perl-package-again",
    made: "the package of a Perl program and its module is installed once more, in the same version, and nobody has scanned before",
    answer: current,
    why: "the files were made anew after the process started, but the package log knows of no other version since",
    inCi: true,
    make: async (shop) => packaged(shop, ["1.0"]),
  },
  {
    name: "perl-package-upgraded",
    made: "the package of a Perl program and its module is upgraded",
    answer: oldService("suspected"),
    why: "the files were made anew after the process started, by another version of their package",
    inCi: true,
    make: async (shop) => packaged(shop, ["1.1"]),
  },
  {
    name: "node-module-replaced",
    made: "a module in node_modules of a Node program gets a new version",
    answer: oldService("suspected"),
    why: "what the program requires by name was made after the process started",
    inCi: true,
    make: (shop) => changed(shop, NODE_PROGRAM, NODE_PROGRAM.part),
  },
  {
    name: "node-program-touched",
    made: "a Node program and its module get another mode, owner and time",
    answer: current,
    why: "no byte changed",
    make: (shop) => touched(shop, NODE_PROGRAM),
  },
  {
    name: "python-script-replaced",
    made: "a Python program gets a new version, renamed over it",
    answer: oldService("suspected"),
    why: "python has read and closed it; the file that is there now was made after the process started",
    needs: PYTHON,
    make: (shop) => changed(shop, PYTHON_PROGRAM, "main"),
  },
  {
    name: "python-module-replaced",
    made: "a package that a Python program imports gets a new version",
    answer: oldService("suspected"),
    why: "what the program's text imports was made after the process started",
    needs: PYTHON,
    make: (shop) => changed(shop, PYTHON_PROGRAM, PYTHON_PROGRAM.part),
  },
  {
    name: "python-program-touched",
    made: "a Python program and what it imports get another mode, owner and time",
    answer: current,
    why: "no byte changed",
    needs: PYTHON,
    make: (shop) => touched(shop, PYTHON_PROGRAM),
  },
  {
    name: "python-by-name",
    made: "python3 -m runs a package from its working directory, and a module that the package imports is replaced",
    answer: oldService("suspected"),
    why: "no word of the command line is a path; the name leads to the package, and its text to the module",
    needs: PYTHON,
    make: async (shop) => {
      await write(shop, "app/__main__.py", PYTHON_PROGRAM.main.replace("import part", "from . import inner"));
      await write(shop, "app/__init__.py", "");
      await write(shop, "app/inner.py", "version = 1\n");
      const pid = await shop.start([], { command: [PYTHON, "-m", "app"] });
      await aged(shop, pid);
      await shop.sh("echo 'version = 2' >new; mv new app/inner.py");
      return { old: [pid], path: shop.at("app/inner.py") };
    },
  },
  {
    name: "python-venv-upgraded",
    made: "pip's way: a distribution in the virtual environment of a Python program is replaced, program and interpreter stay",
    answer: oldService("suspected"),
    why: "pyvenv.cfg beside the interpreter leads to the environment's site-packages, and the program imports from there",
    needs: PYTHON,
    make: async (shop) => {
      await write(shop, "main", PYTHON_PROGRAM.main);
      await shop.sh(`mkdir -p venv/bin; ln -s ${PYTHON} venv/bin/python; echo "home = /usr/bin" >venv/pyvenv.cfg
        site=venv/lib/$(basename $(readlink -f ${PYTHON}))/site-packages; mkdir -p $site/part $site/part-1.0.dist-info
        echo 'version = 1' >$site/part/__init__.py; echo 'part/__init__.py,,' >$site/part-1.0.dist-info/RECORD`);
      const pid = await shop.start([], { command: [shop.at("venv/bin/python"), shop.at("main")] });
      await aged(shop, pid);
      await shop.sh("cd venv/lib/*/site-packages; echo 'version = 2' >new; mv new part/__init__.py");
      return { old: [pid], path: shop.at("venv/lib") };
    },
  },
];

async function write(shop: Shop, path: string, text: string): Promise<void> {
  const encoded = Buffer.from(text).toString("base64");
  await shop.sh(`mkdir -p "$(dirname ${path})"; echo ${encoded} | base64 -d >${path}`);
}

/** A running shell script that is old enough to be told apart from its file. */
async function script(shop: Shop, shell: string): Promise<number> {
  await write(shop, "run.sh", SHELL.replace("VERSION", "1"));
  const pid = await shop.start([], { command: [shell, shop.at("run.sh")] });
  await aged(shop, pid);
  return pid;
}

async function begun(shop: Shop, { interpreter, main, part, text }: Language): Promise<number> {
  await write(shop, "main", main);
  await write(shop, part, text.replace("VERSION", "1"));
  await shop.sh("sleep 1.2"); // within a second nothing is first
  const pid = await shop.start([], { command: [interpreter, shop.at("main")] });
  await aged(shop, pid);
  return pid;
}

/** The program in a package of its own: installed, started, and installed again in these versions. */
async function packaged(shop: Shop, versions: readonly string[]) {
  const folder = `/usr/lib/matrix-${shop.unit.replace(".service", "")}`;
  await write(shop, "main", PERL.main);
  const build = async (version: string) => {
    await write(shop, PERL.part, PERL.text.replace("VERSION", version));
    await shop.sh(`rm -rf tree; mkdir -p tree/DEBIAN tree${folder}/lib; cp main tree${folder}; cp lib/Part.pm tree${folder}/lib
      printf 'Package: %s\\nVersion: ${version}\\nArchitecture: all\\nMaintainer: x <x@example.net>\\nDescription: x\\n' ${shop.unit.replace(".service", "")} >tree/DEBIAN/control
      dpkg-deb --root-owner-group -Znone --build tree ${version}.deb >/dev/null; dpkg --install ${version}.deb >/dev/null`);
  };
  await build("1.0");
  await shop.sh("sleep 1.2");
  const pid = await shop.start([], { command: [PERL.interpreter, `${folder}/main`] });
  await aged(shop, pid);
  for (const version of versions) await build(version);
  const path = `${folder}/lib/Part.pm`;
  return versions.includes("1.0") ? { current: [pid], path } : { old: [pid], path };
}

async function changed(shop: Shop, language: Language, file: string) {
  const pid = await begun(shop, language);
  const text = file === "main" ? `${language.main}\n` : language.text.replace("VERSION", "2");
  await write(shop, "new", text);
  await shop.sh(`mv new ${file}`);
  return { old: [pid], path: shop.at(file) };
}

async function touched(shop: Shop, language: Language) {
  const pid = await begun(shop, language);
  await shop.sh(`for f in main ${language.part}; do chmod 755 $f; chown nobody $f; touch $f; done`);
  return { current: [pid], path: shop.at(language.part) };
}

async function aged(shop: Shop, pid: number): Promise<void> {
  await shop.sh(`until [ "$(ps -o etimes= -p ${pid})" -ge 3 ]; do sleep 0.2; done`);
}

async function scanned(shop: Shop): Promise<void> {
  await shop.sh(
    "mkdir -p /var/lib/afterpatch/agent; /opt/afterpatch/bin/afterpatch-agent scan --format json >/dev/null",
  );
}
