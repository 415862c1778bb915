import { REMEDIES, type RemedyKind } from "../scan.ts";
import type { Step } from "./types.ts";

type Acting = Exclude<RemedyKind, "none">;

/** Why a smaller remedy than the planned one does not put the new code into use. */
const TOO_SMALL: Record<Acting, string> = {
  "end-session": "The old code is not in a session that a super-server started for one connection.",
  "relaunch-application": "A manager owns the process and would not know about one launched beside it.",
  reload: "A reload reads configuration again; the program in memory stays the old one.",
  "restart-service": "The old code is not in a service that can be stopped and started by itself.",
  reexec: "Re-executing PID 1 replaces PID 1 alone.",
  "restart-container": "The old code is not in a container.",
  reboot: "",
};

/** Why a bigger remedy than the planned one is not needed. */
const TOO_BIG: Record<Acting, string> = {
  "end-session": "",
  "relaunch-application": "Not needed: no program has to be launched again by hand.",
  reload: "Not needed: nothing has to read its configuration again.",
  "restart-service":
    "Not needed: new connections already start the new program; a restart would touch sessions that are not old.",
  reexec: "Not needed: PID 1 is not what has to be replaced.",
  "restart-container": "Not needed: no container has to be replaced.",
  reboot: "Not needed: a smaller action replaces all the old code found here.",
};

/** Every other remedy, smallest first, and why it was not chosen instead of `chosen`. */
export function insteadOf(chosen: RemedyKind): Step["insteadOf"] {
  const size = REMEDIES.indexOf(chosen);
  return REMEDIES.flatMap((kind, index) =>
    kind === "none" || kind === chosen ? [] : [{ kind, whyNot: index < size ? TOO_SMALL[kind] : TOO_BIG[kind] }],
  );
}
