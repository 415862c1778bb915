import { echoed } from "../text.ts";

/** Batch sizes as typed: `1,25%`. The last one repeats. */
export type Ramp = readonly RampStep[];
export type RampStep =
  | { readonly kind: "hosts"; readonly count: number }
  | { readonly kind: "percent"; readonly percent: number };

export type ParsedRamp =
  | { readonly kind: "ramp"; readonly ramp: Ramp }
  | { readonly kind: "invalid"; readonly why: string };

const MAX_STEPS = 100;
const MAX_HOSTS = 1_000_000;

/** Reads `--serial`. Empty text is the default ramp, one host at a time. */
export function parseRamp(text: string): ParsedRamp {
  if (text.trim() === "") return { kind: "ramp", ramp: [{ kind: "hosts", count: 1 }] };
  const parts = text.split(",");
  if (parts.length > MAX_STEPS) return invalid(`more than ${MAX_STEPS} batch sizes`);
  const ramp: RampStep[] = [];
  for (const part of parts) {
    const step = parseStep(part.trim());
    if (typeof step === "string") return invalid(step);
    ramp.push(step);
  }
  return { kind: "ramp", ramp };
}

/**
 * Every batch size as the number of hosts it means in a wave of `hostCount` hosts: percentages are rounded down, and
 * are at least 1.
 */
export function resolveRamp(ramp: Ramp, hostCount: number): number[] {
  return ramp.map((step) =>
    step.kind === "hosts" ? step.count : Math.max(1, Math.floor((hostCount * step.percent) / 100)),
  );
}

function invalid(why: string): ParsedRamp {
  return { kind: "invalid", why };
}

function parseStep(text: string): RampStep | string {
  if (text === "")
    return "a batch size is empty; write numbers of hosts or percentages with commas between them: 1,25%";
  const match = /^([0-9]{1,7})(%?)$/.exec(text);
  if (!match) return `${echoed(text)} is not a batch size; write a whole number of hosts or a percentage: 1,25%`;
  const value = Number(match[1]);
  if (value === 0) return `${echoed(text)} would mean no host at all; the smallest batch is 1`;
  if (match[2] === "%") {
    return value > 100
      ? `${echoed(text)} is more than all hosts; the largest batch is 100%`
      : { kind: "percent", percent: value };
  }
  return value > MAX_HOSTS ? `${echoed(text)} is more than ${MAX_HOSTS} hosts` : { kind: "hosts", count: value };
}
