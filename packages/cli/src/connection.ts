import { CommandError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import type { Scope } from "@afterpatch/core/fleet/scope";
import { type Filter, isFilter } from "@afterpatch/core/plan/filter";
import type { RebootOrder } from "@afterpatch/core/plan/reboot";
import { scopeToWire } from "@afterpatch/wire/convert/scope";
import { filterToWire } from "@afterpatch/wire/convert/filter";
import { rebootToWire } from "@afterpatch/wire/convert/reboot";
import { controllerClient } from "@afterpatch/wire/credentials";
import type { pb } from "@afterpatch/wire/messages";
import { follow, received } from "@afterpatch/wire/rpc";
import { controlService } from "@afterpatch/wire/services";
import type { Client, ClientReadableStream } from "@grpc/grpc-js";
import { asking } from "./asking.ts";
import type { Credentials } from "./credentials/read.ts";
import { explain, isPassing } from "./refusal.ts";
import type { Shell } from "./shell.ts";

type V1 = typeof pb.v1;
type Message<K extends keyof V1> = V1[K] extends new (...args: never[]) => infer T ? T : never;

export type ListHostsResponse = Message<"ListHostsResponse">;
export type PlanFleetResponse = Message<"PlanFleetResponse">;
export type StartRolloutRequest = Omit<Message<"StartRolloutRequest">, "reboot" | "filter" | "scope"> & {
  readonly reboot: RebootOrder;
  readonly filter: Filter;
  readonly scope: Scope;
};
export type Rollout = Message<"Rollout">;
export type HoldMessage = Message<"Hold">;
export type HoldOrder = Message<"HoldOrder">;
export type CordonedHosts = Message<"CordonedHosts">;
export type WrittenOffHost = Message<"WrittenOffHost">;
export type ListBudgetsResponse = Message<"ListBudgetsResponse">;
export type NextWindowsResponse = Message<"NextWindowsResponse">;
export type WhyHostResponse = Message<"WhyHostResponse">;
export type ListEventsResponse = Message<"ListEventsResponse">;
export type TrendResponse = Message<"TrendResponse">;
export type OldCodeFound = Message<"OldCodeFound">;
export type WatchEventsRequest = Message<"WatchEventsRequest">;
export type FleetEvents = Message<"FleetEvents">;
export type FleetEvent = FleetEvents["events"][number];
type RolloutReport = Message<"RolloutReport">;
/** Its parts together. */
export interface WholeReport {
  readonly head: NonNullable<RolloutReport["head"]>;
  readonly hosts: RolloutReport["hosts"];
}
export type FleetFreeze = Message<"FleetFreeze">;

export interface FleetOrder {
  readonly pattern: string;
  readonly serial: string;
  readonly reboot: RebootOrder;
  /** Text of a rollout's file; empty: none. */
  readonly rolloutFile: string;
  /** Its `never` is of files alone. */
  readonly filter: Filter;
  /** A rollout of which all that is said here is taken; empty: none. */
  readonly retryOf: string;
  /** Where patterns look. */
  readonly scope: Scope;
}

/** The controller, as far as operators may ask it. Failures are CommandErrors. */
export interface Control {
  readonly address: string;
  createToken(request: Message<"CreateTokenRequest">): Promise<Message<"CreateTokenResponse">>;
  /** `fresh`: connected hosts are scanned first. */
  listHosts(pattern: string, fresh: boolean, scope: Scope, what?: string): Promise<ListHostsResponse>;
  /** Of `rolloutFile`, where there is one, come waves and reboots. `what`: the command that wants it. */
  planFleet(order: FleetOrder, what?: string): Promise<PlanFleetResponse>;
  startRollout(request: StartRolloutRequest): Promise<Rollout>;
  getRollout(id: string): Promise<Rollout>;
  /** `which`: all, or those alone that have not ended, or have. */
  listRollouts(limit: number, which?: "open" | "ended"): Promise<readonly Rollout[]>;
  abortRollout(id: string, reason: string): Promise<Rollout>;
  pauseRollout(id: string, reason: string): Promise<Rollout>;
  resumeRollout(id: string): Promise<Rollout>;
  /** Of an empty `wave`: the one that it waits for. */
  approveRollout(id: string, wave: string): Promise<Rollout>;
  cordonHosts(pattern: string, order: HoldOrder, scope: Scope): Promise<CordonedHosts>;
  uncordonHosts(pattern: string, scope: Scope): Promise<CordonedHosts>;
  freezeFleet(order: HoldOrder): Promise<FleetFreeze>;
  thawFleet(): Promise<FleetFreeze>;
  getFreeze(): Promise<FleetFreeze>;
  /** Of open rollouts where `rolloutFile` is empty. */
  listBudgets(rolloutFile: string, scope: Scope): Promise<ListBudgetsResponse>;
  /** Of every open rollout where both are empty. */
  nextWindows(rolloutId: string, rolloutFile: string, count: number): Promise<NextWindowsResponse>;
  whyHost(host: string, scope: Scope): Promise<WhyHostResponse>;
  /** Of every host that is or was there where `pattern` is empty. */
  getTrend(pattern: string, sinceMs: number, byMs: number, scope: Scope): Promise<TrendResponse>;
  /** By the newest reports; an empty pattern is every host. */
  findOldCode(pattern: string, filter: Filter, scope: Scope, what: string): Promise<readonly OldCodeFound[]>;
  listEvents(id: string): Promise<ListEventsResponse>;
  /** Of the newest rollout where `id` is empty. */
  reportRollout(id: string): Promise<WholeReport>;
  writeOffHost(host: string, reason: string, scope: Scope): Promise<WrittenOffHost>;
  /** Both end when the controller ends them or `signal` fires. */
  watchEvents(request: WatchEventsRequest, signal: AbortSignal): AsyncGenerator<FleetEvents, void>;
  watchRollout(id: string, signal: AbortSignal): AsyncGenerator<Rollout, void>;
  /** True for failures that end when the network or the controller comes back. */
  isPassing(error: unknown): boolean;
}

/** Planning scans every selected host that is connected. */
const PLAN_MS = 180_000;

/** The controller, for the operator whose credentials the shell knows. */
export async function connect(shell: Shell): Promise<Control> {
  const { credentials, address, ask } = await asking(shell);
  return {
    address,
    createToken: (request) => ask("token create", controlService.createToken, request),
    listHosts: (pattern, fresh, scope, what = fresh ? "scan" : "status") => {
      const request = { pattern, fresh, scope: scopeToWire(scope) };
      return ask(what, controlService.listHosts, request, fresh ? PLAN_MS : undefined);
    },
    planFleet: (order, what = "plan") => ask(what, controlService.planFleet, inWords(order), PLAN_MS),
    startRollout: (request) => ask("rollout start", controlService.startRollout, inWords(request), PLAN_MS),
    getRollout: (id) => ask(`rollout ${id}`, controlService.getRollout, { id }),
    listRollouts: async (limit, which) => {
      const request = { limit, open: which === "open", ended: which === "ended" };
      return (await ask("rollout list", controlService.listRollouts, request)).rollouts;
    },
    abortRollout: (id, reason) => ask(`rollout ${id}`, controlService.abortRollout, { id, reason }),
    pauseRollout: (id, reason) => ask(`rollout ${id}`, controlService.pauseRollout, { id, reason }),
    resumeRollout: (id) => ask(`rollout ${id}`, controlService.resumeRollout, { id }),
    approveRollout: (id, wave) => ask(`rollout ${id}`, controlService.approveRollout, { id, wave }),
    cordonHosts: (pattern, order, scope) =>
      ask("cordon", controlService.cordonHosts, { pattern, order, scope: scopeToWire(scope) }),
    uncordonHosts: (pattern, scope) =>
      ask("uncordon", controlService.uncordonHosts, { pattern, scope: scopeToWire(scope) }),
    freezeFleet: (order) => ask("freeze on", controlService.freezeFleet, order),
    thawFleet: () => ask("freeze off", controlService.thawFleet, {}),
    getFreeze: () => ask("freeze", controlService.getFreeze, {}),
    listBudgets: (rolloutFile, scope) =>
      ask("budgets", controlService.listBudgets, { rolloutFile, scope: scopeToWire(scope) }),
    nextWindows: (rolloutId, rolloutFile, count) =>
      ask("windows next", controlService.nextWindows, { rolloutId, rolloutFile, count }),
    whyHost: (host, scope) => ask("why", controlService.whyHost, { host, scope: scopeToWire(scope) }),
    getTrend: (pattern, sinceMs, byMs, scope) =>
      ask("trend", controlService.getTrend, { pattern, sinceMs, byMs, scope: scopeToWire(scope) }),
    findOldCode: async (pattern, filter, scope, what) => {
      const request = { pattern, filter: isFilter(filter) ? filterToWire(filter) : null, scope: scopeToWire(scope) };
      const signal = AbortSignal.timeout(PLAN_MS);
      const begin = (client: Client) => follow(client, controlService.findOldCode, request);
      const found: OldCodeFound[] = [];
      for await (const part of watch(credentials, what, begin, signal)) found.push(part);
      // A part of the answer would say of the rest that it is fine.
      if (!signal.aborted) return found;
      throw new CommandError(EXIT.unreachable, what, "the controller did not answer in time", "try again; see its log");
    },
    listEvents: (id) => ask("rollout history", controlService.listEvents, { id }),
    reportRollout: (id) => wholeReport(credentials, id),
    writeOffHost: (host, reason, scope) =>
      ask("writeoff", controlService.writeOffHost, { host, reason, scope: scopeToWire(scope) }),
    watchEvents: (request, signal) =>
      watch(credentials, "events", (client) => follow(client, controlService.watchEvents, request), signal),
    watchRollout: (id, signal) =>
      watch(credentials, `rollout ${id}`, (client) => follow(client, controlService.watchRollout, { id }), signal),
    isPassing,
  };
}

/** A file says itself what is rebooted. */
function inWords<T extends Pick<FleetOrder, "reboot" | "rolloutFile" | "filter" | "scope">>(order: T) {
  const reboot = order.rolloutFile === "" ? rebootToWire(order.reboot) : null;
  return {
    ...order,
    reboot,
    filter: isFilter(order.filter) ? filterToWire(order.filter) : null,
    scope: scopeToWire(order.scope),
  };
}

async function wholeReport(credentials: Credentials, id: string): Promise<WholeReport> {
  const what = id === "" ? "report" : `rollout ${id}`;
  const begin = (client: Client) => follow(client, controlService.reportRollout, { id });
  const hosts: WholeReport["hosts"][number][] = [];
  let head: RolloutReport["head"] = null;
  for await (const part of watch(credentials, what, begin, AbortSignal.timeout(PLAN_MS))) {
    head = part.head ?? head;
    for (const host of part.hosts) hosts.push(host);
  }
  if (head && head.hosts === hosts.length) return { head, hosts };
  const why = "the controller did not send all of the report";
  throw new CommandError(EXIT.unreachable, what, why, "ask again; see the controller's log");
}

async function* watch<T>(
  credentials: Credentials,
  what: string,
  begin: (client: Client) => ClientReadableStream<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  const client = controllerClient(credentials.address, credentials);
  const stream = begin(client);
  // Failures arrive where the stream is read; what it says after that, such as our own cancelling, is not news.
  stream.on("error", () => undefined);
  const cancel = () => stream.cancel();
  signal.addEventListener("abort", cancel);
  try {
    if (!signal.aborted) yield* received(stream);
  } catch (error) {
    if (!signal.aborted) throw await explain(error, what, credentials);
  } finally {
    signal.removeEventListener("abort", cancel);
    stream.cancel();
    client.close();
  }
}
