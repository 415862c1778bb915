import { ControllerBench, type ControllerRun, type FakeLink } from "./controller.ts";
import { oldUnits } from "./reports.ts";
import { type RolloutOrder, rolloutPlan } from "./rollout.ts";

export const NAMES = ["web1", "web2"];
export const CLEAN = await oldUnits();
export const STILL_OLD = await oldUnits("ssh.service");

export interface TwoHosts {
  readonly bench: ControllerBench;
  readonly run: ControllerRun;
  readonly web1: FakeLink;
  readonly web2: FakeLink;
}

/** A controller with two hosts connected and, where there is an order, a rollout over them. */
export async function twoHosts(order: RolloutOrder | null = {}): Promise<TwoHosts> {
  const bench = await ControllerBench.with(NAMES);
  const run = await bench.start();
  const web1 = await run.connect("web1");
  const web2 = await run.connect("web2");
  if (order) await run.engine.start(rolloutPlan({ hosts: NAMES, ...order }), "request-1");
  return { bench, run, web1, web2 };
}

/** State of the rollout, then of each host. */
export async function states(run: ControllerRun, id = "r1"): Promise<string> {
  const view = await run.engine.view(id);
  return [view.state, ...view.hosts.map((host) => host.state)].join(" ");
}

/** The newest permit that this host was given. */
export function permitOf(link: FakeLink): string {
  const permit = link.permits().at(-1);
  if (permit === undefined) throw new Error("this host was given no permit");
  return permit;
}
