import type { Handlers } from "@afterpatch/wire/rpc";
import { controlService, enrollService } from "@afterpatch/wire/services";
import { enrollHandlers } from "./api/enroll.ts";
import { createToken } from "./api/tokens.ts";
import type { Authority } from "./ca/authority.ts";
import type { Peer } from "./listen/peer.ts";
import type { Service } from "./listen/servers.ts";
import type { Clock, Log } from "./ports.ts";
import type { Store } from "./store/store.ts";

/** What `serve` has built before it opens its ports. */
export interface ControllerDeps {
  readonly store: Store;
  /** Fencing epoch of this run. */
  readonly epoch: number;
  readonly authority: Authority;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** HOST:PORT of the fleet port, as agents are to dial it; known once the ports are open. */
  readonly fleetAddress: () => string;
  /** Ends the connections of these peers at once, open streams included. */
  readonly cut: (isMeant: (peer: Peer) => boolean) => void;
}

/** What the two ports answer. */
export interface Services {
  readonly fleet: readonly Service[];
  readonly enrol: readonly Service[];
  /** Before the ports open. */
  start(): Promise<void>;
  /** After the last connection has ended, before the store closes. */
  stop(): Promise<void>;
}

export function buildServices(deps: ControllerDeps): Services {
  const { store, authority, clock, log, fleetAddress } = deps;
  const control: Pick<Handlers<typeof controlService>, "createToken"> = {
    createToken: createToken({ tokens: store.tokens, pin: authority.pin, clock, log }),
  };
  return {
    fleet: [{ definition: controlService, handlers: control }],
    enrol: [
      {
        definition: enrollService,
        handlers: enrollHandlers({ enrolment: store.enrolment, authority, clock, fleetAddress, log }),
      },
    ],
    start: async () => {},
    stop: async () => {},
  };
}
