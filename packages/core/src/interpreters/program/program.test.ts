import { describe, expect, test } from "vitest";
import { interpreterOf } from "../all.ts";
import type { Language, Program } from "../types.ts";

type Row = readonly [command: string, language: Language, said: Partial<Program>];

const nothing: Program = { script: null, modules: [], folders: [], archives: [], isWorker: false, untold: null };

// Command lines as ps(1) shows them, words apart by spaces; `_` stands for a space inside a word.
const rows: readonly Row[] = [
  ["/bin/sh /etc/init.d/x start", "shell", { script: "/etc/init.d/x" }],
  ["/bin/bash -e -o pipefail /usr/sbin/watch.sh -c", "shell", { script: "/usr/sbin/watch.sh" }],
  ["bash --rcfile /etc/x --posix run.sh", "shell", { script: "run.sh" }],
  ["bash +o history run.sh", "shell", { script: "run.sh" }],
  ["/bin/sh -c /usr/bin/x_--y", "shell", {}],
  ["sh -ec exit arg", "shell", {}],
  ["-bash", "shell", {}],
  ["sh -s arg", "shell", {}],
  ["/bin/busybox sh /init.sh", "shell", { script: "/init.sh" }],
  ["/usr/bin/python3 /usr/bin/fail2ban-server -xf start", "python", { script: "/usr/bin/fail2ban-server" }],
  ["python3.11 -u -W ignore -X dev app.py -m x", "python", { script: "app.py" }],
  ["python3 -sEWignore app.py", "python", { script: "app.py" }],
  ["python3 -m http.server 80", "python", { modules: ["http.server"] }],
  ["python3 -um http.server", "python", { modules: ["http.server"] }],
  ["python3 -c print(1) app.py", "python", {}],
  ["python3 - app.py", "python", {}],
  ["python3", "python", {}],
  ["python3 -c from_multiprocessing.spawn_import_spawn_main;_spawn_main()", "python", { isWorker: true }],
  ["python3 --check-hash-based-pycs always x.py", "python", { script: "x.py" }],
  ["/usr/bin/perl -wT /usr/sbin/munin-node", "perl", { script: "/usr/sbin/munin-node" }],
  [
    "perl -I lib -Ilib2 -MHTTP::Daemon=x x.pl -e",
    "perl",
    { script: "x.pl", folders: ["lib", "lib2"], modules: ["HTTP::Daemon"] },
  ],
  ["perl -MPOSIX -e 1 x.pl", "perl", { modules: ["POSIX"] }],
  ["perl -ne print x", "perl", {}],
  ["perl -0777 -i.bak -l012 x.pl", "perl", { script: "x.pl" }],
  ["perl -- -x.pl", "perl", { script: "-x.pl" }],
  ["ruby3.1 -W0 -r json -Ilib:ext x.rb", "ruby", { script: "x.rb", modules: ["json"], folders: ["lib", "ext"] }],
  ["ruby -E UTF-8 --encoding UTF-8 x.rb -e", "ruby", { script: "x.rb" }],
  ["ruby -e sleep x.rb", "ruby", {}],
  ["ruby -C /srv x.rb", "ruby", { script: "x.rb", untold: "it was started from another folder, or found by PATH" }],
  [
    "node --require ./a.js --inspect=0 --max-old-space-size=99 server.js --port 1",
    "node",
    { script: "server.js", modules: ["./a.js"] },
  ],
  ["node -r dotenv/config -- server.js", "node", { script: "server.js", modules: ["dotenv/config"] }],
  ["node -e 1 server.js", "node", {}],
  ["node inspect server.js", "node", { script: "server.js" }],
  ["node --run start", "node", { untold: "it was started for a task of its folder" }],
  ["php -d memory_limit=1G -f run.php -- -x", "php", { script: "run.php" }],
  ["php8.2 /srv/worker.php daemon", "php", { script: "/srv/worker.php" }],
  ["php -r sleep(9); x.php", "php", {}],
  ["php -S 127.0.0.1:80 -t /srv router.php", "php", { script: "router.php" }],
  ["php-fpm8.2 --nodaemonize --fpm-config /etc/php", "php", {}],
  ["java -Xmx1g -jar /opt/app.jar -cp x", "java", { archives: ["/opt/app.jar"] }],
  ["java -javaagent:/opt/agent.jar=a -jar app.jar", "java", { archives: ["/opt/agent.jar", "app.jar"] }],
  [
    "java -Dx=y -cp a.jar:lib/*: org.example.Main -jar z.jar",
    "java",
    { archives: ["a.jar", "lib/*"], modules: ["org.example.Main"] },
  ],
  ["java --module-path=mods -m app/x.Main", "java", { archives: ["mods"] }],
  [
    "java @args org.example.Main",
    "java",
    { modules: ["org.example.Main"], untold: "it was started with a file of arguments" },
  ],
  ["java Main.java", "java", { script: "Main.java" }],
];

describe("what a command line runs", () => {
  test.each(rows)("%s", (command, language, said) => {
    const argv = command.split(" ").map((word) => word.replaceAll("_", " "));
    const name = language === "shell" ? "bash" : language;
    expect(interpreterOf(`/usr/bin/${name}`)?.programOf(argv)).toEqual({ ...nothing, ...said });
  });
});

test("which executables are interpreters", () => {
  const told = (names: readonly string[]) => names.map((name) => interpreterOf(`/usr/bin/${name}`)?.language ?? null);
  expect(told(["dash", "bash", "busybox", "zsh", "ksh93"])).toEqual(Array(5).fill("shell"));
  expect(told(["python3", "python3.11", "python2.7", "pypy3", "perl", "perl5.36.0"])).toEqual([
    ...Array(4).fill("python"),
    ...["perl", "perl"],
  ]);
  expect(told(["ruby", "ruby3.1", "node", "nodejs", "php8.2", "php-fpm8.2", "java"])).toEqual([
    ...["ruby", "ruby", "node", "node", "php", "php", "java"],
  ]);
  expect(told(["bashd", "pythonic", "perldoc", "javac", "nodemon", "phpize", "fish-sh"])).toEqual(Array(7).fill(null));
});
