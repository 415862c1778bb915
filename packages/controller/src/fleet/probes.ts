import type { HostProbe, ProbeAnswer } from "@afterpatch/core/session";
import type { Clock, RandomId } from "../ports.ts";
import type { Fleet } from "./fleet.ts";

/** How much longer than the host has for it an answer may take. */
const ON_ITS_WAY_MS = 5_000;

interface Waiting {
  readonly hostId: string;
  readonly settle: (answer: ProbeAnswer | string) => void;
}

/** Asks connected hosts about themselves: units, checks of their own files, ports. */
export class Probes {
  readonly #fleet: Fleet;
  readonly #clock: Clock;
  readonly #randomId: RandomId;
  readonly #waiting = new Map<string, Waiting>();

  constructor(fleet: Fleet, clock: Clock, randomId: RandomId) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#randomId = randomId;
  }

  /** A string says why there is no answer. Ends soon after `signal`. */
  request(hostId: string, probe: HostProbe, timeoutMs: number, signal: AbortSignal): Promise<ProbeAnswer | string> {
    const requestId = this.#randomId();
    return new Promise((resolve) => {
      const cancel = this.#clock.after(timeoutMs + ON_ITS_WAY_MS, () => settle("its agent did not answer"));
      const late = (): void => settle("its agent did not answer in time");
      const settle = (answer: ProbeAnswer | string): void => {
        cancel();
        signal.removeEventListener("abort", late);
        this.#waiting.delete(requestId);
        resolve(answer);
      };
      this.#waiting.set(requestId, { hostId, settle });
      signal.addEventListener("abort", late);
      if (signal.aborted) late();
      else if (!this.#fleet.send(hostId, { kind: "probe", requestId, probe, timeoutMs })) settle("not connected");
    });
  }

  /** The answer of a host; ignored when nobody waits for it or another host gives it. */
  answered(hostId: string, requestId: string, answer: ProbeAnswer): void {
    const waiting = this.#waiting.get(requestId);
    if (waiting?.hostId === hostId) waiting.settle(answer);
  }
}
