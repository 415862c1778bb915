import { execFile as execFileWithCallback } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { initialised, newToken, run, serve, start, temporaryDirectory, until } from "./programs.ts";

const execFile = promisify(execFileWithCallback);

/** An enrolled agent, connected; ended after the test. */
async function connected(options: readonly string[] = [], through: readonly string[] = []) {
  const controller = await serve(await initialised());
  const directory = await temporaryDirectory();
  const token = join(directory, "join.token");
  await writeFile(token, await newToken(controller));
  const where = ["--controller", `127.0.0.1:${controller.ports.enrol}`, "--token-file", token];
  const enrolled = await run("agent", ["enroll", ...where, "--name", "web01", "--state-dir", join(directory, "S")]);
  expect(enrolled.stderr).toBe("");

  const agent = start("agent", ["run", "--state-dir", join(directory, "S"), ...options], through);
  const ended = new Promise((resolve) => agent.once("exit", (code, signal) => resolve(code ?? signal)));
  onTestFinished(async () => {
    agent.kill("SIGKILL");
    await ended;
  });
  let log = "";
  agent.stdout?.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  await until(() => log.includes('"connected"'));
  return { agent, ended, log: () => log };
}

test("SIGTERM ends a connected agent with exit code 0", async () => {
  const { agent, ended, log } = await connected();
  agent.kill("SIGTERM");
  await until(() => agent.exitCode !== null || agent.signalCode !== null);
  expect(await ended, log()).toBe(0);
});

test.runIf(process.geteuid?.() === 0)("a thousand touches by hooks of package managers are one scan", async () => {
  const runtime = await temporaryDirectory();
  const config = join(await temporaryDirectory(), "agent.yaml");
  await writeFile(config, "scanAfterPackageChanges: {quiet: 6s}\n");
  const apart = 'mount -t tmpfs none /run && mkdir /run/afterpatch && mount --bind "$0" /run/afterpatch && exec "$@"';
  const through = ["unshare", "-m", "sh", "-c", apart, runtime];
  const { agent, log } = await connected(["--config", config], through);
  const said = (message: string) =>
    log()
      .split("\n")
      .filter((line) => line.includes(`"${message}"`));
  const reasons = () => said("host scanned").map((line) => (JSON.parse(line) as { reason: string }).reason);
  await until(() => reasons().length > 0);
  const storm = 'for i in $(seq 1000); do touch "$0"; done';
  await execFile("sh", ["-c", storm, join(runtime, "wake")]);
  await until(() => reasons().length > 1);
  agent.kill("SIGTERM");
  await until(() => agent.exitCode !== null);
  expect(reasons()).toEqual(["boot", "package-change"]);
  expect(said("woken by a package manager's hook")).toHaveLength(1);
});
