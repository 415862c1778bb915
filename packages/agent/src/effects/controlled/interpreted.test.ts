import { expect, test } from "vitest";
import { interpreted } from "./interpreted.ts";

test.each<[string, string, readonly string[], string | null]>([
  ["a program that is itself what it is", "/usr/sbin/nginx", ["nginx: master process /usr/sbin/nginx"], null],
  ["one whose name only begins like an interpreter's", "/usr/sbin/php-fpm8.2", ["php-fpm: master"], null],
  [
    "a script by its first line",
    "/usr/bin/python3.11",
    ["/usr/bin/python3", "/usr/sbin/supervisord", "-n"],
    "/usr/sbin/supervisord",
  ],
  [
    "a script after options",
    "/usr/bin/perl",
    ["perl", "-w", "-T", "/usr/sbin/munin-node", "x"],
    "/usr/sbin/munin-node",
  ],
  ["an option with an argument", "/usr/bin/python3.11", ["python3", "-W", "ignore", "-u", "/opt/a.py"], "/opt/a.py"],
  ["the same option where it has none", "/usr/bin/perl", ["perl", "-W", "/opt/a.pl"], "/opt/a.pl"],
  ["a module", "/usr/bin/python3", ["python3", "-m", "http.server", "8000"], "http.server"],
  ["code on the command line", "/bin/dash", ["sh", "-c", "while :; do sleep 1; done"], "while :; do sleep 1; done"],
  [
    "a class of Java",
    "/usr/lib/jvm/java-17/bin/java",
    ["java", "-Xmx1g", "-cp", "/opt/a/*", "org.a.Main", "start"],
    "org.a.Main",
  ],
  ["an archive of Java", "/usr/bin/java", ["/usr/bin/java", "-jar", "/opt/a.jar"], "/opt/a.jar"],
  [
    "a script with a module before it",
    "/usr/bin/node",
    ["node", "--require", "/opt/trace.js", "--inspect", "/opt/a.js"],
    "/opt/a.js",
  ],
  ["a title with arguments", "/usr/bin/perl", ["postgrey --pidfile=/run/postgrey.pid --daemonize", "", ""], "postgrey"],
  ["a title with a colon", "/usr/bin/python3.11", ["gunicorn: master [shop]"], "gunicorn:"],
  ["a program of many names", "/bin/busybox", ["/sbin/udhcpd", "-f", "/etc/udhcpd.conf"], "udhcpd"],
  ["the same, called by its own", "/bin/busybox", ["busybox", "crond", "-f"], "crond"],
  ["its shell", "/bin/busybox", ["/bin/sh", "/opt/run"], "/opt/run"],
  ["nothing but options", "/usr/bin/python3", ["python3", "-i"], "python3 -i"],
  ["no words at all, as of a process that ends", "/usr/bin/python3", [], ""],
])("%s", (_name, program, words, expected) => expect(interpreted(program, words)).toBe(expected));
