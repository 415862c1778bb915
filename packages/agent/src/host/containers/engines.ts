import { lstatSync, readdirSync, realpathSync } from "node:fs";
import { codeOf, readProc } from "../read.ts";
import type { EngineAnswer } from "./api.ts";

/** An engine that is asked over its socket. */
export interface Engine {
  /** What it is called in `owner.name`. */
  readonly name: string;
  readonly socket: string;
  /**
   * Name of its daemon, as in /proc/PID/comm. Where none runs systemd may listen in its place, and whoever opens the
   * socket would start the engine with all its containers: so it is not opened.
   */
  readonly daemon: string;
  /** For all of its answers together. */
  readonly deadlineMs: number;
}

/** podman is not asked: its storage says the same, and its socket would start it (storage.ts). */
export const ENGINES: readonly Engine[] = [
  { name: "docker", socket: "/run/docker.sock", daemon: "dockerd", deadlineMs: 10_000 },
];

/** What engines said before the scan; a scan itself waits for nobody. */
export interface EnginesAsked {
  readonly answers: readonly EngineAnswer[];
  /** By the engine's name: why it could not be asked. */
  readonly failed: ReadonlyMap<string, string>;
}

/** Asks every engine that runs here. Never throws because of what it hears. */
export async function askEngines(engines: readonly Engine[] = ENGINES): Promise<EnginesAsked> {
  const answers: EngineAnswer[] = [];
  const failed = new Map<string, string>();
  for (const { name, socket, daemon, deadlineMs } of engines) {
    const place = socketAt(socket);
    if (place === null || !isRunning(daemon)) continue;
    const { askEngine } = await import("./api.ts");
    try {
      answers.push(await askEngine(name, place, AbortSignal.timeout(deadlineMs)));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      failed.set(name, `${socket}: ${error.message}`);
    }
  }
  return { answers, failed };
}

/** Null where there is no socket of root's: nobody else's is believed. */
function socketAt(path: string): string | null {
  try {
    const place = realpathSync(path);
    const stat = lstatSync(place);
    return stat.isSocket() && stat.uid === 0 ? place : null;
  } catch (error) {
    codeOf(error); // no such engine
    return null;
  }
}

function isRunning(daemon: string): boolean {
  return readdirSync("/proc").some((name) => /^[0-9]/.test(name) && commOf(name) === daemon);
}

function commOf(pid: string): string | null {
  try {
    return readProc(`/proc/${pid}/comm`).trimEnd();
  } catch (error) {
    codeOf(error); // it ended
    return null;
  }
}
