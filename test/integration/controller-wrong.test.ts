import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { controller, dataDirectories, expectOneLine, PORTS } from "./controller-process.ts";

// What an administrator gets wrong on a controller's command line: each is one line with its exit code, and nothing is
// left behind.

const { folder, fresh } = dataDirectories();

test.each<[string, readonly string[], RegExp]>([
  [
    "one name twice",
    ["init", "--data-dir", "D", "--name", "a", "--name", "A"],
    /--name: 'A' is given twice; give each name once/,
  ],
  ["a wildcard name", ["init", "--data-dir", "D", "--name", "*.example.net"], /'\*\.example\.net' is not a DNS name/],
  ["half an address", ["init", "--data-dir", "D", "--name", "1.2.3"], /'1\.2\.3' is not a DNS name/],
  ["a negative port", ["init", "--data-dir", "D", "--name", "a", "--port=-1"], /--port: '-1' is no whole number/],
  ["a huge port", ["init", "--data-dir", "D", "--name", "a", "--port", "99999999999999999999"], /is no whole number/],
  ["a port in hexadecimal", ["init", "--data-dir", "D", "--name", "a", "--port", "0x1d13"], /is no whole number/],
  [
    "an option twice",
    ["init", "--data-dir", "D", "--data-dir", "D", "--name", "a"],
    /--data-dir: is given more than once/,
  ],
  ["two commands", ["init", "serve", "--data-dir", "D", "--name", "a"], /Unknown argument: serve/],
  [
    "a place that makes no files",
    ["init", "--data-dir", "/proc/x", "--name", "a"],
    /\/proc: no directory can be made in it: /,
  ],
  [
    "a file for a parent",
    ["init", "--data-dir", "/dev/null/x", "--name", "a"],
    /\/dev\/null\/x: cannot be read: a part of the path is not a directory/,
  ],
  [
    "an unknown flag of serve, which is camel case too",
    ["serve", "--data-dir", "D", "--no-such"],
    /Unknown argument: no-such;/,
  ],
  [
    "one port for two",
    ["serve", "--data-dir", "F", "--port", "7000", "--enrol-port", "7000"],
    /--enrol-port: 7000 is the fleet port too; give two different ports/,
  ],
  [
    "the fleet port for HTTP",
    ["serve", "--data-dir", "F", "--port", "7480"],
    /--http-port: 7480 is the fleet port too/,
  ],
  [
    "the enrol port of init for HTTP",
    ["serve", "--data-dir", "F", "--http-port", "7444"],
    /--http-port: 7444 is the enrol port too/,
  ],
  [
    "an address with a port",
    ["serve", "--data-dir", "F", "--listen", "127.0.0.1:7443"],
    /--listen: '127\.0\.0\.1:7443' is no address; give the address alone, and the port with --port/,
  ],
  [
    "half an address to listen on",
    ["serve", "--data-dir", "F", "--listen", "300.1.1.1"],
    /--listen: '300\.1\.1\.1' is no address; give one of this machine/,
  ],
  [
    "somebody else's address",
    ["serve", "--data-dir", "F", ...PORTS, "--listen", "203.0.113.1"],
    /--listen 203\.0\.113\.1: not an address of this machine/,
  ],
  [
    "a name without an address",
    ["serve", "--data-dir", "F", ...PORTS, "--listen", "nosuch.invalid"],
    /--listen nosuch\.invalid: this name has no address/,
  ],
  [
    "a directory that is none",
    ["serve", "--data-dir", "F/controller.db", ...PORTS],
    /controller\.db: cannot be read: a part of the path is not a directory/,
  ],
])("%s", (_name, args, message) => {
  const missing = join(folder(), "missing");
  expectOneLine(
    controller(args.map((word) => word.replace(/^D$/, missing).replace(/^F(?=$|\/)/, fresh()))),
    5,
    message,
  );
  expect(existsSync(missing)).toBe(false);
  expect(readdirSync(folder()).filter((name) => name.startsWith("."))).toEqual([]);
});

test("what could not be printed is no success", () => {
  for (const args of [["--help"], ["--version"], ["init", "--data-dir", join(folder(), "unheard"), "--name", "a"]]) {
    const { status, stderr } = controller(args, { stdout: "/dev/full" });
    expect([args[0], status]).toEqual([args[0], 1]);
    expect(stderr).toMatch(/^afterpatch-controller: standard output: ENOSPC[^\n]+; see to the disk or the pipe/);
  }
});
