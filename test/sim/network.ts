import type { Channel } from "@afterpatch/agent/session/channel";
import type { AgentLink } from "@afterpatch/controller/fleet/fleet";
import type { FromAgent, ToAgent } from "@afterpatch/core/session";
import type { VirtualTime } from "./time.ts";

export interface NetworkFaults {
  /** Chance that one message is lost though the stream lives on: worse than TCP. */
  readonly loss: number;
  /** Chance that one message arrives a second time, later. */
  readonly repeat: number;
  /** Chance, at each message, that the stream breaks with all that is under way. */
  readonly cut: number;
  readonly slowestMs: number;
  /** Chance that a permit under way from a dead controller arrives all the same, on a later stream of the host: worse than TCP. */
  readonly stray: number;
}

/** One stream between an agent and the controller. In each direction messages arrive in order, late, or never. */
export class Link {
  readonly #time: VirtualTime;
  readonly #random: () => number;
  readonly #faults: () => NetworkFaults;
  readonly #inbox: ToAgent[] = [];
  #wake: (() => void) | null = null;
  #isOpen = true;
  #lastDown = 0;
  #lastUp = 0;
  readonly #onUp: (message: FromAgent) => void;
  readonly #onGone: () => void;
  readonly #onStray: (message: ToAgent) => void;
  #isDead = false;

  constructor(options: {
    time: VirtualTime;
    random: () => number;
    faults: () => NetworkFaults;
    onUp: (message: FromAgent) => void;
    onGone: () => void;
    onStray: (message: ToAgent) => void;
  }) {
    this.#time = options.time;
    this.#random = options.random;
    this.#faults = options.faults;
    this.#onUp = options.onUp;
    this.#onGone = options.onGone;
    this.#onStray = options.onStray;
  }

  readonly controllerEnd: AgentLink = {
    send: (message) => {
      const late = () => {
        if (this.#isDead && message.kind === "permit") this.#onStray(message);
      };
      this.#lastDown = this.#carry(this.#lastDown, () => this.arrive(message), late);
    },
    close: () => this.cut(),
  };

  readonly agentEnd: Channel = {
    send: (message) => {
      this.#lastUp = this.#carry(this.#lastUp, () => this.#onUp(message));
    },
    incoming: { [Symbol.asyncIterator]: () => ({ next: () => this.#receive() }) },
    close: () => this.cut(),
  };

  /** What the agent finds on this stream; nothing once it is cut. */
  arrive(message: ToAgent): void {
    if (!this.#isOpen) return;
    this.#inbox.push(message);
    this.#wake?.();
  }

  /** The controller at the other end is no more. */
  die(): void {
    this.#isDead = true;
    this.cut();
  }

  /** Both ends learn of it; what was under way is lost. */
  cut(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#inbox.length = 0;
    this.#wake?.();
    this.#time.after(this.#delay(), () => this.#onGone());
  }

  #carry(last: number, deliver: () => void, late: () => void = () => {}): number {
    if (!this.#isOpen) return last;
    const { loss, cut, repeat, stray } = this.#faults();
    if (this.#random() < cut) {
      this.cut();
      return last;
    }
    if (this.#random() < loss) return last;
    const at = Math.max(last, this.#time.now() + this.#delay());
    const arrive = (when: number): void => {
      this.#time.after(when - this.#time.now(), () => {
        if (this.#isOpen) deliver();
        else if (stray > 0 && this.#random() < stray) this.#time.after(this.#random() * 60_000, late);
      });
    };
    arrive(at);
    if (this.#random() < repeat) arrive(at + this.#delay());
    return at;
  }

  #delay(): number {
    return 1 + Math.floor(this.#random() * this.#faults().slowestMs);
  }

  async #receive(): Promise<IteratorResult<ToAgent, undefined>> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message) return { done: false, value: message };
      if (!this.#isOpen) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
