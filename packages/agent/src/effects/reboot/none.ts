import { StepError } from "../error.ts";
import type { RebootsHere } from "./host.ts";

const WHY = "this program was not given leave to reboot this host";

/** For whoever was not told in so many words that this host may be rebooted: it is not. */
export const NEVER_REBOOTED: RebootsHere = {
  veto: async () => ({ code: "impossible", message: WHY }),
  tell: async () => {},
  announce: () => {},
  cancelled: () => null,
  claim: () => false,
  forget: () => {},
  state: refuse,
  isStarting: refuse,
  goDown: refuse,
  happened: refuse,
};

async function refuse(): Promise<never> {
  throw new StepError("refused", WHY);
}
