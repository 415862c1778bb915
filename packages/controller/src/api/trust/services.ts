import type { Handlers } from "@afterpatch/wire/rpc";
import type { agentService, controlService, enrollService, trustService } from "@afterpatch/wire/services";
import type { Authority } from "../../ca/authority.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import type { Peer } from "../../listen/peer.ts";
import type { Clock, Log } from "../../ports.ts";
import type { RolloutEngine } from "../../rollouts/engine.ts";
import type { Store } from "../../store/store.ts";
import { auditHandlers } from "./audit.ts";
import { enrollHandlers } from "./enroll.ts";
import { hostTrustHandlers } from "./hosts.ts";
import { login } from "./login.ts";
import { cutEnded, operatorHandlers } from "./operators.ts";
import { readmit, renewHost, renewOperator } from "./renew.ts";
import { createToken, tokenHandlers } from "./tokens.ts";

export interface TrustDeps {
  readonly store: Store;
  readonly authority: Authority;
  readonly fleet: Fleet;
  readonly engine: Pick<RolloutEngine, "open">;
  readonly clock: Clock;
  readonly log: Log;
  readonly fleetAddress: () => string;
  readonly enrolAddress: () => string;
  readonly cut: (isMeant: (peer: Peer) => boolean) => void;
}

/** All that decides who is let in, by the service that it belongs to. */
export interface TrustHandlers {
  readonly trust: Handlers<typeof trustService>;
  readonly enroll: Handlers<typeof enrollService>;
  readonly agent: Pick<Handlers<typeof agentService>, "renewHost">;
  readonly control: Pick<Handlers<typeof controlService>, "createToken">;
}

export function trustHandlers(deps: TrustDeps): TrustHandlers {
  const { store, authority, fleet, engine, clock, log, fleetAddress, enrolAddress, cut } = deps;
  const { hosts, renewals, operators, enrolment, audit } = store;
  const tokens = { tokens: store.tokens, pin: authority.pin, clock, log };
  const renewing = { renewals, authority, clock, log };
  return {
    trust: {
      ...auditHandlers({ audit, authority }),
      ...hostTrustHandlers({ hosts, renewals, fleet, engine, clock, log, cut }),
      ...operatorHandlers({ ...tokens, operators, enrolAddress, cut }),
      ...tokenHandlers({ ...tokens, cutEnded: (at) => cutEnded({ operators, cut }, at) }),
      renewOperator: renewOperator(renewing),
    },
    enroll: {
      ...enrollHandlers({ enrolment, authority, clock, fleetAddress, log }),
      login: login({ operators, authority, clock, fleetAddress, log, cut }),
      readmit: readmit(renewing),
    },
    agent: { renewHost: renewHost(renewing) },
    control: { createToken: createToken(tokens) },
  };
}
