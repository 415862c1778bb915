// The demo itself; demo.sh sets up what it needs. Exit code 0 when it showed what it is to show.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { takeLock } from "@afterpatch/agent/lock";
import { showFleet, STAGES } from "./demo/fleet-demo.ts";
import { openShell, SHELL_STAGES } from "./demo/shell.ts";
import { showThisMachine } from "./demo/local-demo.ts";
import { Page } from "./demo/page.ts";
import { LabFleet } from "./e2e/fleet.ts";
import { cacheDirectory, ensureBase } from "./lab/base.ts";
import { LabError } from "./lab/commands.ts";
import { down } from "./lab/lab.ts";
import { missingRequirements, requirementsMessage } from "./lab/requirements.ts";

const NAME = "demo";

async function main(words: readonly string[], signal: AbortSignal): Promise<void> {
  const [which, ...more] = words;
  if (more.length > 0 || (which !== undefined && which !== "local" && which !== "shell")) {
    const todo = "say 'npm run demo', 'npm run demo -- shell' or 'npm run demo -- local'";
    throw new LabError("usage", `${words.join(" ")}: not an argument; ${todo}`);
  }
  const missing = which === "local" ? [] : await missingRequirements();
  if (which === "shell" && missing.length > 0) throw new LabError("missing-requirement", requirementsMessage(missing));
  if (which !== "local" && missing.length === 0) return onFleet(signal, which === "shell" ? SHELL : SHOW);
  if (missing.length > 0) {
    console.log(
      `${requirementsMessage(missing)}.\nWithout them the demo shows this machine instead of three hosts, and changes nothing on it.`,
    );
  }
  await showThisMachine(signal);
}

/** What is done with the hosts, and in how many stages beside making them. */
interface Demo {
  readonly stages: number;
  readonly on: (fleet: LabFleet, page: Page) => Promise<void>;
}
const SHOW: Demo = { stages: STAGES, on: showFleet };
const SHELL: Demo = { stages: SHELL_STAGES, on: openShell };

async function onFleet(signal: AbortSignal, { stages, on }: Demo): Promise<void> {
  const startedAt = Date.now();
  const home = join(cacheDirectory(), NAME);
  await mkdir(home, { recursive: true });
  // Of the machine, as the names of the hosts' networks are.
  const lock = takeLock("/run", "afterpatch-demo.lock");
  if (!lock) throw new LabError("already-up", "another demo runs on this machine; wait until it has ended");
  if (await down(NAME)) console.log("An earlier demo was killed; what it left behind is removed.");

  const page = new Page(stages);
  page.stage(
    "Three hosts, a controller, three agents",
    "Containers with a systemd, network, package database, sshd and xinetd of their own; the first time their image is made.",
  );
  try {
    await ensureBase((line) => page.line(line), signal);
    await ownTemporaryDirectory(join(home, "tmp"));
    const fleet = await LabFleet.make(NAME, 3, (line) => page.line(line), { signal });
    try {
      await unlessAborted(on(fleet, page), signal);
    } finally {
      console.log("\nRemoving the hosts, their networks and the controller.");
      // A second Ctrl-C reaches the commands that remove things, too.
      await fleet.remove().catch(() => fleet.remove());
    }
  } finally {
    await rm(home, { recursive: true, force: true });
    lock.release();
  }
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  console.log(`The demo took ${seconds} s. Kept for the next time: the hosts' image, in ${cacheDirectory()}.`);
}

/**
 * So that what a demo that was killed has left behind is found. After the image was made: what installs packages in the
 * image would take over a directory that is not there.
 */
async function ownTemporaryDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path);
  process.env.TMPDIR = path;
}

/** What goes on behind an abort fails sooner or later, unheard, for its hosts are taken away. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  work.catch(() => undefined);
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupted.abort());
try {
  await main(process.argv.slice(2), interrupted.signal);
} catch (error) {
  if (interrupted.signal.aborted) {
    console.error("demo: interrupted; what it made is removed");
    process.exitCode = 130;
  } else {
    console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = error instanceof LabError && error.code === "usage" ? 5 : 1;
  }
}
process.exit(); // abandoned work may still wait for programs that are gone
