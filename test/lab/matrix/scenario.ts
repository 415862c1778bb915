import type { RemedyKind, Verdict } from "@afterpatch/core/scan";
import type { Shop } from "./shop.ts";

/** One thing that happens to hosts, made for real, with the right answer and the reason for it. */
export interface Scenario {
  /** Letters, digits and dashes: also the name of its folder and unit. */
  readonly name: string;
  /** How it is made, for people. */
  readonly made: string;
  readonly answer: Answer;
  /** Why that is the right answer. */
  readonly why: string;
  /** Units that may look like the owner and are not, or would not be helped by a restart; `*` stands for any text. */
  readonly notUnits?: readonly string[];
  /** A program or file that only the host with the peers has. */
  readonly needs?: string;
  /** One of those that CI runs, for afterpatch alone. */
  readonly inCi?: boolean;
  /**
   * "first": what starts with a restart of a service that later scenarios use. "last": an upgrade of what many
   * programs share, judged after all else.
   */
  readonly when?: "first" | "last";
  make(shop: Shop): Promise<Made>;
  /** Done before any scenario is made. */
  begin?(shop: Shop): Promise<void>;
}

export type Answer =
  | { readonly kind: "current" }
  /** `owner`: KIND MANAGER NAME as in a scan, `-` for no manager; `{unit}` stands for the scenario's own unit. */
  | { readonly kind: "old"; readonly verdict: Verdict; readonly owner: string; readonly remedy: RemedyKind };

export interface Made {
  /** Pids, as the host counts them, to which the answer "old" belongs. */
  readonly old?: readonly number[];
  /** Pids that run what is on the disk. */
  readonly current?: readonly number[];
  /** The file whose users an administrator would ask for: `lsof PATH`. */
  readonly path: string;
}

export const current: Answer = { kind: "current" };

/** Old, in a unit of systemd. */
export function oldService(verdict: Verdict = "replaced", unit = "{unit}"): Answer {
  return { kind: "old", verdict, owner: `service systemd ${unit}`, remedy: "restart-service" };
}

/** Old, in a session of a super-server. */
export function oldSession(service: string): Answer {
  return { kind: "old", verdict: "replaced", owner: `xinetd-session xinetd ${service}`, remedy: "end-session" };
}

/** Old, and a person has to be asked. `owner` as in `Answer`. */
export function oldResidue(owner: string): Answer {
  return { kind: "old", verdict: "replaced", owner, remedy: "none" };
}

export function unitOf(name: string): string {
  return `matrix-${name}.service`;
}

export function folderOf(name: string): string {
  return `/usr/lib/matrix/${name}`;
}

/** With the scenario's own unit filled in. */
export function answerOf({ name, answer }: Pick<Scenario, "name" | "answer">): Answer {
  return answer.kind === "current" ? answer : { ...answer, owner: answer.owner.replace("{unit}", unitOf(name)) };
}
