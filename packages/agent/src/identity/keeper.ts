import { X509Certificate } from "node:crypto";
import type { Clock } from "../ports.ts";
import { type Identity, identityDirectory } from "./identity.ts";

interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface KeeperDeps {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** Never one long timer: Node's end at 24.8 days, and a machine sleeps. */
const LOOK_MS = 3_600_000;
/** After a third of its life at the latest its renewal is tried again, every hour. */
const RENEW_AT = 2 / 3;
const JITTER = 0.1;
/** So many connections in so short a time: nobody is there, or the controller does not let this certificate in. */
const TRIES = 10;
const TRIES_MS = 1_800_000;

/** This host's identity, with a certificate that is renewed before it ends. */
export class IdentityKeeper {
  readonly #deps: KeeperDeps;
  /** So that a fleet that was enrolled in one minute does not renew in one. */
  readonly #share: number;
  #identity: Identity;
  /** When the last connections were begun, and when the enrol port was last asked because of them. */
  #begun: readonly number[] = [];
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(identity: Identity, deps: KeeperDeps) {
    this.#identity = identity;
    this.#deps = deps;
    this.#share = RENEW_AT * (1 + JITTER * (2 * deps.random() - 1));
  }

  /**
   * To connect with. One that has expired is made good first: the enrol port is asked, which needs somebody's approval.
   * Throws an Error that says what it waits for. The controller's clock decides: this one's is only a reason to ask.
   */
  async usable(): Promise<Identity> {
    const { validToDate } = new X509Certificate(this.#identity.cert);
    if (this.#deps.clock.now() <= validToDate.getTime()) {
      if (this.#isRefused()) await this.#askAgain();
      return this.#identity;
    }
    const { readmitted } = await import("./renew.ts");
    await this.#keep(await readmitted(this.#identity), "let in again with a new certificate");
    return this.#identity;
  }

  /** TLS does not say that a certificate is not let in: connections that end again and again are all there is. */
  #isRefused(): boolean {
    const now = this.#deps.clock.now();
    this.#begun = [...this.#begun, now].slice(-TRIES);
    const isOften = this.#begun.length === TRIES && now - (this.#begun[0] ?? now) < TRIES_MS;
    return isOften && now - this.#askedAt >= LOOK_MS;
  }

  /** A controller that was restored from a copy does not know what was certified since. */
  async #askAgain(): Promise<void> {
    this.#askedAt = this.#deps.clock.now();
    const { readmitted } = await import("./renew.ts");
    try {
      await this.#keep(await readmitted(this.#identity), "certified anew, for the controller let nobody in");
    } catch (error) {
      this.#deps.log.warn({ why: error instanceof Error ? error.message : String(error) }, "not let in");
    }
  }

  /** Renews in time, until the signal aborts. Failures are told and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#isDue()) await this.#renew();
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        const { validTo } = new X509Certificate(this.#identity.cert);
        this.#deps.log.warn({ why, validTo }, "certificate not renewed yet");
      }
      await this.#deps.clock.sleep(LOOK_MS, signal).catch(() => undefined); // the end is seen above
    }
  }

  #isDue(): boolean {
    const { validFromDate, validToDate } = new X509Certificate(this.#identity.cert);
    const [from, to, now] = [validFromDate.getTime(), validToDate.getTime(), this.#deps.clock.now()];
    return now <= to && now >= from + (to - from) * this.#share;
  }

  async #renew(): Promise<void> {
    const { renewed } = await import("./renew.ts"); // with what makes requests: none of it is needed for weeks
    await this.#keep(await renewed(this.#identity), "certificate renewed");
  }

  /** On the disk before it is used. */
  async #keep(pair: Pick<Identity, "cert" | "key">, what: string): Promise<void> {
    const [{ replaceKeyPair }, { HOST_PAIR }] = await Promise.all([
      import("@afterpatch/wire/key-pair"),
      import("./identity.ts"),
    ]);
    await replaceKeyPair(identityDirectory(this.#deps.stateDir), HOST_PAIR, pair);
    this.#identity = { ...this.#identity, ...pair };
    this.#deps.log.info({ validTo: new X509Certificate(pair.cert).validTo }, what);
  }
}
