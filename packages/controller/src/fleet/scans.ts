import type { Clock, RandomId } from "../ports.ts";
import type { Fleet } from "./fleet.ts";

/** What came of asking a host for a fresh scan. */
export type Freshness =
  | { readonly kind: "fresh" }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "silent" };

/** Asks connected hosts for a scan now and waits for their reports to be stored. */
export class Scans {
  readonly #fleet: Fleet;
  readonly #clock: Clock;
  readonly #randomId: RandomId;
  readonly #waiting = new Map<string, { readonly hostId: string; readonly settle: (answer: Freshness) => void }>();

  constructor(fleet: Fleet, clock: Clock, randomId: RandomId) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#randomId = randomId;
  }

  /** `silent` when the host is not connected or does not answer within `timeoutMs`. */
  request(hostId: string, timeoutMs: number): Promise<Freshness> {
    const requestId = this.#randomId();
    return new Promise((resolve) => {
      const cancel = this.#clock.after(timeoutMs, () => settle({ kind: "silent" }));
      const settle = (answer: Freshness): void => {
        cancel();
        this.#waiting.delete(requestId);
        resolve(answer);
      };
      this.#waiting.set(requestId, { hostId, settle });
      if (!this.#fleet.send(hostId, { kind: "scan", requestId })) settle({ kind: "silent" });
    });
  }

  /** The answer of a host; ignored when nobody waits for it or another host gives it. */
  answered(hostId: string, requestId: string, answer: Freshness): void {
    const waiting = this.#waiting.get(requestId);
    if (waiting?.hostId === hostId) waiting.settle(answer);
  }
}
