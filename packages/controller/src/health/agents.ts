import type { HostProbe, ProbeAnswer } from "@afterpatch/core/session";
import { visible } from "@afterpatch/core/text";
import type { Probes } from "../fleet/probes.ts";
import type { AsksHost } from "./care.ts";
import { Turns } from "./turns.ts";

/** What a host has to look at a unit or at itself, milliseconds; a check has the time of its own. */
const LOOK_MS = 20_000;

/** Checks that the hosts' own agents answer. Their words are shown with every character visible. */
export function agentsAsked(probes: Probes): AsksHost {
  const turns = new Turns();
  const ask = async (hostId: string, probe: HostProbe, timeoutMs: number, signal: AbortSignal) => {
    const answer = await turns.take(hostId, () => probes.request(hostId, probe, timeoutMs, signal), signal);
    if (answer === null) return "its agent was busy with other questions";
    return typeof answer === "string" ? answer : whole(answer);
  };
  const held = async (answer: Promise<ProbeAnswer | string>) => {
    const said = await answer;
    return typeof said === "string" ? said : null;
  };
  return {
    unit: (hostId, name, signal) => held(ask(hostId, { kind: "unit", name }, LOOK_MS, signal)),
    check: (hostId, name, timeoutMs, signal) => held(ask(hostId, { kind: "check", name }, timeoutMs, signal)),
    snapshot: (hostId, signal) => ask(hostId, { kind: "snapshot" }, LOOK_MS, signal),
  };
}

function whole(answer: ProbeAnswer): ProbeAnswer | string {
  return answer.why === null ? answer : visible(answer.why);
}
