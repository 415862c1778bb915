import type { Socket } from "node:net";

/** Handshakes cost 3-4 ms each: about 60 % of one core at full rate. */
export const FLEET_ADMISSION = { perSecond: 150, queue: 20_000, perAddress: 5_000 };
/** An enrolment costs a signature too, and nobody enrols thousands in a minute. */
export const ENROL_ADMISSION = { perSecond: 40, queue: 1_000, perAddress: 200 };

export interface AdmissionLimits {
  /** Sockets admitted per second, and at once after a pause. */
  readonly perSecond: number;
  /** Sockets that wait, further ones are closed at once. */
  readonly queue: number;
  /** Sockets from one address that wait. */
  readonly perAddress: number;
}

const TICK_MS = 20;

/**
 * Lets sockets through at a bounded rate, first come first served, before the TLS handshake: the handshake is what costs.
 * Without it a reconnect of a whole fleet starves the event loop.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #admit: (socket: Socket) => void;
  /** With the address they came from: a closed socket has forgotten it. */
  readonly #waiting = new Map<Socket, string>();
  readonly #perAddress = new Map<string, number>();
  #tokens: number;
  #filledAt = performance.now();
  #timer: NodeJS.Timeout | null = null;

  constructor(limits: AdmissionLimits, admit: (socket: Socket) => void) {
    this.#limits = limits;
    this.#tokens = limits.perSecond;
    this.#admit = admit;
  }

  /** Takes a paused socket; it is admitted now or later, or destroyed. */
  offer(socket: Socket): void {
    this.#refill();
    if (this.#waiting.size === 0 && this.#tokens >= 1) {
      this.#tokens -= 1;
      this.#admit(socket);
      return;
    }
    const address = socket.remoteAddress ?? "";
    const same = this.#perAddress.get(address) ?? 0;
    if (this.#waiting.size >= this.#limits.queue || same >= this.#limits.perAddress) {
      socket.destroy();
      return;
    }
    this.#waiting.set(socket, address);
    this.#perAddress.set(address, same + 1);
    socket.once("close", () => this.#remove(socket));
    this.#timer ??= setInterval(() => this.#drain(), TICK_MS);
  }

  /** Closes everything that waits. */
  close(): void {
    for (const socket of this.#waiting.keys()) socket.destroy();
    this.#waiting.clear();
    this.#stop();
  }

  #drain(): void {
    this.#refill();
    for (const socket of this.#waiting.keys()) {
      if (this.#tokens < 1) return;
      this.#tokens -= 1;
      this.#remove(socket);
      this.#admit(socket);
    }
    this.#stop();
  }

  #refill(): void {
    const now = performance.now();
    const { perSecond } = this.#limits;
    this.#tokens = Math.min(perSecond, this.#tokens + ((now - this.#filledAt) / 1000) * perSecond);
    this.#filledAt = now;
  }

  #remove(socket: Socket): void {
    const address = this.#waiting.get(socket);
    if (address === undefined) return;
    this.#waiting.delete(socket);
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }

  #stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }
}
