import type { Reboots } from "../../ports.ts";
import { StepError } from "../error.ts";

/** For whoever was not told in so many words that this host may be rebooted: it is not. */
export const NEVER_REBOOTED: Reboots = {
  veto: async () => ({ code: "impossible", message: "this program was not given leave to reboot this host" }),
  tell: async () => {},
  announce: () => {},
  cancelled: () => null,
  claim: () => false,
  forget: () => {},
  state: async () => {
    throw new StepError("refused", "this program was not given leave to reboot this host");
  },
  isStarting: async () => false,
};
