import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { built } from "../e2e/payload.ts";
import { run } from "../lab/commands.ts";
import { Broken, type Page } from "./page.ts";

const NAMES = { agent: "afterpatch-agent", controller: "afterpatch-controller", cli: "afterpatch" } as const;
type Part = keyof typeof NAMES;

const START_TIMEOUT_MS = 20_000;

/** The built programs on this machine, each command shown as it is typed. */
export class Programs {
  readonly #env: NodeJS.ProcessEnv;
  readonly #page: Page;
  readonly #signal: AbortSignal;
  readonly #running: ChildProcess[] = [];

  constructor(credentials: string, page: Page, signal: AbortSignal) {
    this.#env = { ...process.env, AFTERPATCH_CREDENTIALS: credentials };
    this.#page = page;
    this.#signal = signal;
  }

  /** Runs a command and shows what it says. */
  async show(part: Part, ...args: readonly string[]): Promise<void> {
    this.#page.command([NAMES[part], ...args].join(" "));
    const stdout = await this.run(part, ...args);
    this.#page.line(stdout.trimEnd());
  }

  /** Runs a command that must succeed, and resolves with its standard output. */
  async run(part: Part, ...args: readonly string[]): Promise<string> {
    const env = this.#env as Record<string, string>; // whose absent keys spawn leaves out
    const { code, stdout, stderr } = await run([...built(part, NAMES[part]), ...args], { env, signal: this.#signal });
    if (code !== 0) throw new Broken(`${NAMES[part]} ${args[0]} ended with exit code ${code}: ${stderr.trim()}`);
    return stdout;
  }

  /** Leaves a program running once its log says `ready`. */
  async start(part: Part, args: readonly string[], ready: string): Promise<void> {
    this.#page.command(`${[NAMES[part], ...args].join(" ")} &`);
    const [file = "", ...words] = [...built(part, NAMES[part]), ...args];
    const child = spawn(file, words, { env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
    this.#running.push(child);
    const isReady = Promise.withResolvers<void>();
    let said = "";
    const hear = (chunk: Buffer) => {
      if (!said.includes(ready)) said += chunk.toString();
      if (said.includes(ready)) isReady.resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", isReady.reject);
    child.once("exit", () => isReady.reject(new Broken(`${NAMES[part]} ${args[0]} ended: ${said.trim()}`)));
    const deadline = AbortSignal.any([this.#signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
    const late = () => isReady.reject(new Broken(`${NAMES[part]} ${args[0]} did not come up: ${said.trim()}`));
    deadline.addEventListener("abort", late);
    await isReady.promise.finally(() => deadline.removeEventListener("abort", late));
    this.#page.line("(it is up)");
  }

  /** Ends what `start` started, the last one first. */
  async stop(): Promise<void> {
    for (const child of this.#running.toReversed()) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await gone;
      clearTimeout(timer);
    }
  }
}

/** Three ports of loopback that were free a moment ago, all different. */
export async function freePorts(): Promise<readonly [number, number, number]> {
  const servers = [createServer(), createServer(), createServer()] as const;
  const [a, b, c] = servers;
  const port = async (server: typeof a): Promise<number> => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
    return address.port;
  };
  const ports = [await port(a), await port(b), await port(c)] as const;
  for (const server of servers) server.close();
  return ports;
}
