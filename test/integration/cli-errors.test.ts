import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { RpcError } from "@afterpatch/wire/rpc";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { useBench } from "./cli-fixtures.ts";
import { cli, makeCredentials } from "./cli-process.ts";

const bench = useBench();

test.each<[string, RpcError, number, RegExp]>([
  [
    "a selection that matches nothing",
    new RpcError(status.NOT_FOUND, "selection-empty", "nothing matches 'wbe' (nearest: web)"),
    6,
    /nearest: web/,
  ],
  [
    "a plan that went stale",
    new RpcError(status.FAILED_PRECONDITION, "stale-plan", "the fleet changed"),
    8,
    /--allow-new/,
  ],
  [
    "hosts held by another rollout",
    new RpcError(status.FAILED_PRECONDITION, "hosts-held", "web01 is in rollout r0"),
    9,
    /r0/,
  ],
  ["too many hosts", new RpcError(status.FAILED_PRECONDITION, "too-many-hosts", "9 hosts"), 5, /--max-hosts/],
  [
    "permission refused",
    new RpcError(status.PERMISSION_DENIED, "role", "a viewer may not start rollouts"),
    5,
    /a viewer may not/,
  ],
  ["a controller that fails", new RpcError(status.INTERNAL, "", "internal error"), 1, /the controller's log/],
])("%s ends with its exit code, one line, and JSON on standard output", async (_name, refusal, expected, message) => {
  bench.script.refuse = refusal;
  const { code, out, err } = await bench.run("rollout", "start", "all", "--reason", "x", "--yes", "-o", "json");
  expect(code).toBe(expected);
  expect(err).toMatch(/^afterpatch: [^\n;]+: [^\n]+; [^\n]+\n$/);
  expect(err).toMatch(message);
  expect(JSON.parse(out)).toMatchObject({ schema: "afterpatch.error/v1", error: { exitCode: expected } });
});

test.each<[string, readonly string[], RegExp]>([
  ["no command", [], /name a command/],
  ["an unknown command", ["frobnicate"], /frobnicate/],
  ["an unknown flag", ["status", "--frobnicate"], /frobnicate/],
  ["a flag twice", ["plan", "all", "--serial", "1", "--serial", "2"], /more than once/],
  ["an unknown format", ["status", "-o", "xml"], /xml/],
  ["no hosts", ["rollout", "start", "--reason", "x", "--yes"], /an argument is missing/],
  ["a rollout without a reason", ["rollout", "start", "all", "--yes"], /reason/],
  ["a rollout with an empty reason", ["rollout", "start", "all", "--yes", "--reason", " "], /--reason: is empty/],
  ["a rollout nobody confirms", ["rollout", "start", "all", "--reason", "x"], /--yes/],
  ["an empty batch", ["plan", "all", "--serial", "0%"], /no host at all/],
  [
    "a digest that is none",
    ["rollout", "start", "all", "--reason", "x", "--yes", "--plan-digest", "abc"],
    /--plan-digest: 'abc' is no digest of a plan; copy the 64 digits/,
  ],
  ["a bad number", ["rollout", "start", "all", "--reason", "x", "--yes", "--max-fail", "1e2"], /1e2/],
  [
    "more hosts than allowed",
    ["rollout", "start", "all", "--reason", "x", "--yes", "--max-hosts", "1"],
    /2 hosts selected, more than --max-hosts 1/,
  ],
  ["a bad duration", ["token", "create", "--expires", "1w"], /not a duration/],
  ["too long a duration", ["token", "create", "--expires", "25h"], /24h/],
  ["a bad label", ["token", "create", "--label", "Role=web"], /label key 'Role' must match/],
  ["a file that cannot be written", ["status", "--out", "/nonexistent/file"], /cannot write/],
  ["a directory in place of a file", ["status", "--out", "/"], /is a directory/],
  ["a bad address", ["status", "--controller", "localhost"], /HOST:PORT/],
])("%s is a usage error and does nothing", async (_name, args, message) => {
  const { code, out, err } = await bench.run(...args);
  expect([code, out]).toEqual([5, ""]);
  expect(err).toMatch(/^afterpatch: [^\n]+\n$/);
  expect(err).toMatch(message);
  expect([bench.script.asked.starts, bench.script.asked.tokens]).toEqual([[], []]);
});

test("the digest of the plan that was reviewed goes to the controller, which judges, unless new work is allowed", async () => {
  const digest = "0d".repeat(32);
  const args = ["rollout", "start", "all", "--reason", "x", "--yes", "--detach", "--plan-digest", digest];
  await bench.run(...args);
  await bench.run(...args, "--allow-new");
  expect(bench.script.asked.starts).toMatchObject([
    { allowNew: false, expectedDigest: digest },
    { allowNew: true, expectedDigest: "" },
  ]);
});

test.each<[string, (directory: string) => void, number, RegExp]>([
  ["no credentials", (directory) => rmSync(join(directory, "operator.key")), 5, /operator\.key does not exist/],
  [
    "an expired certificate",
    (directory) => {
      for (const end of ["crt", "key"])
        copyFileSync(join(bench.directory, `expired.${end}`), join(directory, `operator.${end}`));
    },
    5,
    /expired on/,
  ],
  [
    "somebody else's key",
    (directory) => copyFileSync(join(bench.directory, "server.key"), join(directory, "operator.key")),
    5,
    /does not belong/,
  ],
  ["a broken certificate", (directory) => writeFileSync(join(directory, "operator.crt"), "x"), 5, /no PEM certificate/],
  ["a broken key", (directory) => writeFileSync(join(directory, "operator.key"), "x"), 5, /no PEM private key/],
  [
    "a directory in place of a certificate",
    (directory) => {
      rmSync(join(directory, "ca.crt"));
      mkdirSync(join(directory, "ca.crt"));
    },
    5,
    /cannot read \S+\/ca\.crt: it is no file/,
  ],
  ["a pipe in place of a key", pipe, 5, /cannot read \S+\/operator\.key: it is no file/],
  ["a device in place of a certificate", device, 5, /cannot read \S+\/ca\.crt: it is no file/],
  [
    "a file that is far too large",
    (directory) => writeFileSync(join(directory, "ca.crt"), Buffer.alloc(2_000_000)),
    5,
    /cannot read \S+\/ca\.crt: it is larger than 1 MiB/,
  ],
  ["another CA", (directory) => makeCredentials(directory, ""), 5, /was not issued by/],
])("%s", async (_name, spoil, expected, message) => {
  const directory = mkdtempSync(join(bench.directory, "spoilt-"));
  for (const name of ["ca.crt", "operator.crt", "operator.key"])
    copyFileSync(join(bench.credentials, name), join(directory, name));
  spoil(directory);
  chmodSync(directory, 0o700);
  const { code, err } = await bench.run("status", "--credentials", directory);
  expect(err).toMatch(message);
  expect([code, err.split("\n").length]).toEqual([expected, 2]);
});

function pipe(directory: string): void {
  rmSync(join(directory, "operator.key"));
  execFileSync("mkfifo", [join(directory, "operator.key")]);
}

function device(directory: string): void {
  rmSync(join(directory, "ca.crt"));
  symlinkSync("/dev/zero", join(directory, "ca.crt"));
}

test.each([
  [
    "a directory that is a file",
    ["--credentials", "/dev/null"],
    /cannot read \/dev\/null\/ca\.crt: a part of the path is not a directory/,
  ],
  [
    "a flag with a value that is none",
    ["--exit-code=yes"],
    /--exit-code: 'yes' is neither true nor false; write --exit-code alone/,
  ],
  ["an unknown flag, named once", ["--no-such"], /Unknown argument: no-such; /],
  ["a result that finds no room", ["--out", "/dev/full"], /--out: cannot write \/dev\/full: the disk is full; choose/],
  [
    "an unsuitable place for a result",
    ["--out", "/dev/null/x"],
    /--out: cannot write \/dev\/null\/x: a part of the path is not a directory/,
  ],
])("%s", async (_name, args, message) => {
  const { code, err } = await bench.run("status", ...args);
  expect(err).toMatch(message);
  expect([code, err.split("\n").length]).toEqual([5, 2]);
});

test("what the controller advises takes the place of what we would", async () => {
  bench.script.refuse = new RpcError(
    status.INVALID_ARGUMENT,
    "bad-argument",
    "'web[01' is not closed; write web[01:50]",
  );
  expect((await bench.run("plan", "web[01")).err).toBe("afterpatch: plan: 'web[01' is not closed; write web[01:50]\n");
  bench.script.refuse = new RpcError(status.INVALID_ARGUMENT, "bad-argument", "no");
  expect((await bench.run("plan", "all")).err).toBe("afterpatch: plan: no; see 'afterpatch plan --help'\n");
});

test("without HOME credentials are looked for in the user's home, never where one happens to stand", async () => {
  const { code, err } = await cli(["status"], { HOME: "" }).ended;
  expect(err).not.toMatch(/^afterpatch: credentials: \.config/);
  const own = join(userInfo().homedir, ".config/afterpatch/ca.crt");
  if (existsSync(own)) return; // somebody uses afterpatch here: what their controller answers is not asked
  expect(err).toContain(`afterpatch: credentials: ${own} does not exist`);
  expect(code).toBe(5);
});

test("a controller that is not there is exit 4", async () => {
  bench.controller.kill();
  const { code, err } = await bench.run("status");
  expect(err).toMatch(/^afterpatch: controller localhost:\d+: cannot be reached: .*ECONNREFUSED.*; check the address/);
  expect(code).toBe(4);
  expect((await bench.run("rollout", "watch", "r1")).code).toBe(4);
});

test("something else that answers there is exit 4", async () => {
  const other = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const { code, err } = await bench.run("status", "--controller", `localhost:${port}`);
  other.close();
  expect(err).toContain("does not speak TLS");
  expect(code).toBe(4);
});

test("--help works everywhere and its examples are lines of their own", async () => {
  const { code, out, err } = await bench.run("rollout", "start", "--help");
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain("\n  afterpatch rollout start 'role=web' --serial 1,25% --reason DSA-6001\n");
  expect((await bench.run("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});
