import type { Charge, ChargeChange } from "@afterpatch/core/rollout/charges";
import type { WriteOff } from "@afterpatch/core/rollout/write-off";
import type { RolloutStore } from "../store/rollout-store.ts";

/** Hosts that failed or were lost, in whichever rollout, and have not proved themselves since; and those written off. */
export class ChargeRegister {
  readonly #charges = new Map<string, Charge>();
  readonly #writeOffs = new Map<string, WriteOff>();

  async load(store: Pick<RolloutStore, "charges" | "writeOffs">): Promise<void> {
    for (const charge of await store.charges()) this.#charges.set(charge.hostId, charge);
    for (const writeOff of await store.writeOffs()) this.#writeOffs.set(writeOff.hostId, writeOff);
  }

  /** By host id. */
  get charges(): ReadonlyMap<string, Charge> {
    return this.#charges;
  }

  /** By host id. */
  get writeOffs(): ReadonlyMap<string, WriteOff> {
    return this.#writeOffs;
  }

  /** Ids of hosts that are charged though nobody has them in hand. */
  charged(): ReadonlySet<string> {
    return new Set(this.#charges.keys());
  }

  writtenOff(): ReadonlySet<string> {
    return new Set(this.#writeOffs.keys());
  }

  /** What the store holds already. */
  note(change: ChargeChange | null): void {
    if (change === null) return;
    const hostId = hostOf(change);
    this.#charges.delete(hostId);
    this.#writeOffs.delete(hostId);
    if (change.kind === "charge") this.#charges.set(hostId, change.charge);
    if (change.kind === "write-off") this.#writeOffs.set(hostId, change.writeOff);
  }
}

function hostOf(change: ChargeChange): string {
  switch (change.kind) {
    case "charge":
      return change.charge.hostId;
    case "write-off":
      return change.writeOff.hostId;
    case "clear":
      return change.hostId;
  }
}
