import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type OldProgram, startOldProgram } from "./old-program.ts";
import { Page } from "./page.ts";
import { freePorts, Programs } from "./programs.ts";

const ADDRESS = "127.0.0.1";
const NAME = "this-machine";

/** A controller and an agent of this machine on loopback: enrols, scans, plans. Needs no root and changes nothing. */
export async function showThisMachine(signal: AbortSignal): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "afterpatch-demo-"));
  const page = new Page(3);
  const programs = new Programs(join(directory, "data", "admin"), page, signal);
  let old: OldProgram | null = null;
  try {
    page.stage(
      "A controller and an agent",
      "Both on this machine, on free ports of loopback; all they keep is temporary.",
    );
    await enrolHere(directory, programs, page);
    page.stage(
      "A program is upgraded while it runs",
      "So that there is something to find: a process of the demo's own.",
    );
    old = await startOldProgram();
    page.line(
      old
        ? `${old.path} runs as process ${old.pid}; then its file was replaced, as an upgrade does it.`
        : "No directory that a scan looks at may be written here; see what else runs old code on this machine.",
    );
    page.stage(
      "What runs old code here, and what would be done?",
      "The agent looks, the controller plans, nothing is done.",
    );
    await programs.show("agent", "scan", "--state-dir", join(directory, "agent"));
    await programs.show("cli", "plan", "all");
    await programs.show("cli", "status");
  } finally {
    await old?.remove();
    await programs.stop();
    await rm(directory, { recursive: true, force: true });
    page.line("\nThe controller, the agent and their directory are removed.");
  }
}

/** The first steps as an administrator would type them. */
async function enrolHere(directory: string, programs: Programs, page: Page): Promise<void> {
  const [data, token, state] = [join(directory, "data"), join(directory, "join.token"), join(directory, "agent")];
  const [port, enrolPort, httpPort] = await freePorts();
  const ports = ["--port", `${port}`, "--enrol-port", `${enrolPort}`];
  await programs.show("controller", "init", "--data-dir", data, "--name", ADDRESS, ...ports);
  const listen = ["--listen", ADDRESS, "--http-port", `${httpPort}`];
  await programs.start("controller", ["serve", "--data-dir", data, ...listen], "controller ready");
  page.command(`export AFTERPATCH_CREDENTIALS=${join(data, "admin")}`);
  page.command(`afterpatch token create > ${token}`);
  await writeFile(token, await programs.run("cli", "token", "create"), { mode: 0o600 });
  const where = ["--controller", `${ADDRESS}:${enrolPort}`, "--token-file", token];
  await programs.show("agent", "enroll", ...where, "--name", NAME, "--state-dir", state);
  await programs.start("agent", ["run", "--state-dir", state], '"connected"');
}
