/** So many questions an agent looks at at once (agent/probe); it refuses more. */
const AT_ONCE = 8;

/** At most so many questions are with one host's agent at once; the others wait for their turn. */
export class Turns {
  readonly #hosts = new Map<string, { running: number; readonly waiting: (() => void)[] }>();

  /** The answer of `ask` when its turn has come; null when `signal` ends before that. */
  async take<T>(hostId: string, ask: () => Promise<T>, signal: AbortSignal): Promise<T | null> {
    const host = this.#hosts.get(hostId) ?? { running: 0, waiting: [] };
    this.#hosts.set(hostId, host);
    if (host.running < AT_ONCE) host.running += 1;
    else if (!(await turn(host.waiting, signal))) return null;
    try {
      return await ask();
    } finally {
      const next = host.waiting.shift();
      if (next)
        next(); // its turn is handed on
      else host.running -= 1;
      if (host.running === 0) this.#hosts.delete(hostId);
    }
  }
}

/** False where `signal` came first. */
function turn(waiting: (() => void)[], signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const come = (): void => {
      signal.removeEventListener("abort", gone);
      resolve(true);
    };
    const gone = (): void => {
      waiting.splice(waiting.indexOf(come), 1);
      resolve(false);
    };
    signal.addEventListener("abort", gone, { once: true });
    waiting.push(come);
  });
}
