import { isRestart, overCap } from "@afterpatch/core/policy/caps";
import type { Policy } from "@afterpatch/core/policy/types";
import { outsideOfWindows } from "@afterpatch/core/policy/window";
import type { StepRef } from "@afterpatch/core/rollout/types";
import { StepError } from "../effects/error.ts";
import { JournalError } from "../journal/error.ts";
import { STARTS } from "../journal/starts.ts";
import type { Clock } from "../ports.ts";
import { begunBefore } from "./counts.ts";
import { denied } from "./deny.ts";
import { inhibitor } from "./inhibitors.ts";
import { usersLoggedIn } from "./logins.ts";
import type { Veto } from "./rules.ts";
import { verbVeto } from "./verb.ts";
import { transaction } from "./transaction.ts";

/** How a host is asked, so that tests can put their own files in its place. */
export interface Surroundings {
  /** `now`: epoch milliseconds. */
  readonly transaction: (now: number) => string | null;
  readonly inhibitor: () => string | null;
  readonly usersLoggedIn: () => Promise<string | null>;
  /** File of the register of starts. */
  readonly starts: string;
}

export const HERE: Surroundings = {
  transaction: (now) => transaction(now),
  inhibitor: () => inhibitor(),
  usersLoggedIn,
  starts: STARTS,
};

export interface VetoDeps {
  readonly clock: Clock;
  /** Files of the journals beside the register. */
  readonly journals: readonly string[];
  readonly here: Surroundings;
  /** The order of the step that is asked for: what the journals say it has begun of this very step does not count. */
  readonly op?: string;
}

/** The first reason against beginning `step`, or anything where it is null. What cannot be found out is a reason. */
export async function vetoOf(
  policy: Policy,
  step: StepRef | null,
  restartsInRun: number,
  deps: VetoDeps,
): Promise<Veto | null> {
  const { clock, here } = deps;
  const deny = denied(policy.denyFile);
  if (deny !== null) return { code: "denied", message: deny };
  const window = outsideOfWindows(policy.windows, clock.now());
  if (window !== null) return { code: "window", message: window };
  const packages = orWhy(() => here.transaction(clock.now()), "whether packages are being changed cannot be told");
  if (packages !== null) return { code: "transaction", message: packages };
  // A reboot is held off whatever the file says.
  if (policy.vetoes.inhibitors || step?.kind === "reboot") {
    const held = here.inhibitor();
    if (held !== null) return { code: "inhibited", message: held };
  }
  if (policy.vetoes.usersLoggedIn) {
    const users = await here.usersLoggedIn();
    if (users !== null) return { code: "users-logged-in", message: users };
  }
  return step === null ? null : (verbVeto(policy, step) ?? capOf(policy, step, restartsInRun, deps));
}

function capOf(
  { caps }: Policy,
  step: StepRef,
  restartsInRun: number,
  { clock, journals, here, op }: VetoDeps,
): Veto | null {
  const { kind } = step;
  const own = op === undefined ? null : { op, step };
  const isCapped = kind === "reboot" || caps.restartsPerHour !== null;
  const isCounted = kind === "reboot" || isRestart(kind);
  // The register also where no cap counts it: what cannot be read could not be written before the step either.
  const counted = isCapped ? journals : [];
  const uptimeMs = clock.sinceBootMs();
  const message = orWhy(() => {
    const before = isCounted
      ? begunBefore(here.starts, counted, clock.now(), own)
      : { restartsInHour: 0, rebootsInDay: 0 };
    return overCap(kind, { ...before, restartsInRun, uptimeMs }, caps);
  }, "what was done before cannot be counted");
  return message === null ? null : { code: "cap", message };
}

/** Not knowing stops, and says why. */
function orWhy(ask: () => string | null, what: string): string | null {
  try {
    return ask();
  } catch (error) {
    const isKnown = error instanceof StepError || error instanceof JournalError;
    if (!isKnown && !(error instanceof Error && "code" in error)) throw error;
    return `${what}: ${error.message}`;
  }
}
