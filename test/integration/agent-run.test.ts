import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { initialised, newToken, run, serve, start, temporaryDirectory, until } from "./programs.ts";

test("SIGTERM ends a connected agent with exit code 0", async () => {
  const controller = await serve(await initialised());
  const directory = await temporaryDirectory();
  const token = join(directory, "join.token");
  await writeFile(token, await newToken(controller));
  const where = ["--controller", `127.0.0.1:${controller.ports.enrol}`, "--token-file", token];
  const enrolled = await run("agent", ["enroll", ...where, "--name", "web01", "--state-dir", join(directory, "S")]);
  expect(enrolled.stderr).toBe("");

  const agent = start("agent", ["run", "--state-dir", join(directory, "S")]);
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
  agent.kill("SIGTERM");
  await until(() => agent.exitCode !== null || agent.signalCode !== null);
  expect(await ended, log).toBe(0);
});
