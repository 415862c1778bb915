import type { KeyPath } from "@afterpatch/core/file-reader";
import { type Reach, selectReached } from "@afterpatch/core/fleet/reach";
import type { NothingSelected, Selection } from "@afterpatch/core/fleet/select";
import { budgetsOf } from "@afterpatch/core/rollout/budgets";
import type { RolloutShape } from "@afterpatch/core/rollout/types";
import { type WaveHost, wavesOf } from "@afterpatch/core/rollout/waves";
import type { RolloutSpec } from "@afterpatch/core/rollout-file/spec";
import { notOurs } from "../health/care.ts";
import type { Host } from "../store/hosts.ts";

export type Shaped =
  | {
      readonly kind: "shaped";
      readonly shape: RolloutShape;
      /** Ids of selected hosts that no wave names. */
      readonly left: readonly string[];
    }
  /** `path`: the key of the file that has the pattern `pattern`. */
  | { readonly kind: "nothing"; readonly path: KeyPath; readonly pattern: string; readonly why: NothingSelected }
  /** `path` is empty where no single key is meant. */
  | { readonly kind: "refused"; readonly path: KeyPath; readonly why: string };

/** What a rollout's file says beyond flags, as integers over the fleet of now. */
export function shapeOf(
  spec: RolloutSpec,
  selected: readonly Host[],
  reach: Reach<Host>,
  isWorking: (hostId: string) => boolean,
  hooksDir: string,
): Shaped {
  const forbidden = notAllowed(spec, hooksDir);
  if (forbidden !== null) return { kind: "refused", path: [], why: forbidden };
  const made = wavesOf(spec.waves, selected.map(waveHost), reach.fleet.map(waveHost), isWorking, membersIn(reach));
  if (made.kind === "nothing") {
    const index = spec.waves.findIndex(({ name }) => name === made.wave);
    const pattern = spec.waves[index]?.select ?? "";
    return { kind: "nothing", path: ["waves", index, "select"], pattern, why: made.why };
  }
  const working = new Set(made.waves.flatMap(({ hostIds }) => hostIds.filter(isWorking)));
  const budgets = budgetsOf(spec.budgets, reach.fleet, working, membersIn(reach));
  if (budgets.kind === "nothing") {
    const pattern = spec.budgets[budgets.budget]?.select ?? "";
    return { kind: "nothing", path: ["budgets", budgets.budget, "select"], pattern, why: budgets.why };
  }
  if (budgets.kind === "outage") {
    const why = `${budgets.group} has an outage: ${budgets.why}; accept it with acceptOutage: true`;
    return { kind: "refused", path: ["budgets", budgets.budget], why };
  }
  const { maxFailuresPercent: maxFailPercent, progressDeadlineMs } = spec.stop;
  const hours = { windows: spec.windows, freeze: spec.freeze };
  const care = { ...spec.health, ...spec.hooks };
  const limits = { hours, maxFailPercent, progressDeadlineMs, unreachable: spec.unreachable.kind };
  const shape = { waves: made.waves, care, budgets: budgets.budgets, ...limits };
  return { kind: "shaped", shape, left: made.left };
}

/** A program that operators may not have run on the controller's machine, or null. */
function notAllowed({ hooks, health }: RolloutSpec, hooksDir: string): string | null {
  const checks = (["before", "after"] as const).flatMap((moment) =>
    health[moment].map(({ probe }, index) => [`health.${moment}[${index}]`, probe] as const),
  );
  const commands = [
    ...Object.entries(hooks).flatMap(([key, hook]) => (hook ? [[`hooks.${key}`, hook.command[0]] as const] : [])),
    ...checks.flatMap(([key, probe]) => (probe.kind === "command" ? [[key, probe.command[0]] as const] : [])),
  ];
  const wrong = commands.flatMap(([key, file]) => {
    const why = notOurs(file, hooksDir);
    return why === null ? [] : [`${key}.command: ${why} on the controller's machine`];
  });
  return wrong[0] ?? null;
}

/** Hosts that a pattern of the file names; of those that are not enrolled no more than that they are there. */
export function membersIn(
  reach: Reach<Host>,
): (pattern: string) => Selection<WaveHost & { readonly isAbsent: boolean }> {
  return (pattern) => {
    const selection = selectReached(pattern, [], reach);
    if (selection.kind !== "selected") return selection;
    const hosts = selection.hosts.map(({ name, labels, host }) => ({
      ...(host === null ? { id: "", name, labels, os: "", kernel: "" } : waveHost(host)),
      isAbsent: host === null,
    }));
    return { kind: "selected", hosts };
  };
}

function waveHost({ id, name, labels, report }: Host): WaveHost {
  return { id, name, labels, os: report?.os ?? "", kernel: report?.kernel ?? "" };
}
