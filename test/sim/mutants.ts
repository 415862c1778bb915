/** A bug to plant: texts of one source file of the product, each of which stands there once. */
export interface Mutant {
  readonly name: string;
  /** Below packages/. */
  readonly file: string;
  readonly changes: readonly (readonly [from: string, to: string])[];
}

const PERMITS = "core/src/rollout/permits.ts";
const STAGES = "core/src/rollout/stages.ts";
const ORDERS = "agent/src/session/orders.ts";
const STEP = "agent/src/apply/step.ts";

/** Bugs that somebody might write. The simulator has to find every one of them. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "budget read before the permits of the same look count",
    file: PERMITS,
    changes: [["      charged.add(host.hostId);\n", ""]],
  },
  { name: "hosts that are away not charged", file: PERMITS, changes: [["...away, ...ours", "...ours"]] },
  {
    name: "failed and lost hosts of other rollouts not charged",
    file: "controller/src/rollouts/beyond.ts",
    changes: [["[...charged, ", "["]],
  },
  {
    name: "lost hosts freed from the ramp",
    file: "core/src/rollout/batch.ts",
    changes: [['state === "unreachable" && permit !== null', "false"]],
  },
  { name: "bake not waited for", file: STAGES, changes: [["if (now < ended.bakeUntil)", "if (now < 0)"]] },
  { name: "approval skipped", file: STAGES, changes: [["if (wave.isApproved && isFollowed &&", "if (false &&"]] },
  {
    name: "window and freeze looked at before the first host alone",
    file: PERMITS,
    changes: [
      [
        "const closed = shutAt(view, fleet);",
        "const closed = view.hosts.some((h) => h.permits > 0) ? null : shutAt(view, fleet);",
      ],
    ],
  },
  {
    name: "stop rule checked once per wave",
    file: "core/src/rollout/next.ts",
    changes: [
      [
        "const why = tripped(view, now);",
        'const isBegun = stagesOf(view, now).some((stage) => stage.state === "open" && stage.wave.hostIds.some((id) => view.hosts.some((h) => h.hostId === id && h.permits > 0)));\n  const why = isBegun ? null : tripped(view, now);',
      ],
    ],
  },
  {
    name: "permit without a nonce: a repeated one acts twice",
    file: ORDERS,
    changes: [["if (operations(this.#deps.journal.records()).has(op)) {", "if (false) {"]],
  },
  { name: "epoch not checked", file: ORDERS, changes: [["if (permit.epoch < epoch)", "if (false)"]] },
  {
    name: "intent written after the effect",
    file: STEP,
    changes: [
      ["  await journal.append(intent);\n", ""],
      ["  const log = performed.outcome ===", "  await journal.append(intent);\n  const log = performed.outcome ==="],
    ],
  },
  {
    name: "effect repeated after a crash",
    file: STEP,
    changes: [['  if (happened === "yes") {', "  if (false) {"]],
  },
  {
    name: "success believed without its proof",
    file: "controller/src/rollouts/events.ts",
    changes: [
      ['const isVerified = result === "verified" && unproven === null;', 'const isVerified = result === "verified";'],
    ],
  },
];
