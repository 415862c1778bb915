import { readFileSync } from "node:fs";
import { join } from "node:path";
import type {
  ListEventsResponse,
  ListHostsResponse,
  OldCodeFound,
  PlanFleetResponse,
  Rollout,
} from "@afterpatch/cli/connection";
import { type Handlers, RpcError, serverStream, unary } from "@afterpatch/wire/rpc";
import { controlService } from "@afterpatch/wire/services";
import * as grpc from "@grpc/grpc-js";

// A controller with a script in place of a fleet, served over real mutual TLS.

type Control = Handlers<typeof controlService>;
type StartRolloutRequest = Parameters<Control["startRollout"]>[0]["request"];

export type { ListHostsResponse as Status, PlanFleetResponse as Plan, Rollout, StartRolloutRequest as Start };

export interface Script {
  status: ListHostsResponse;
  /** What FindOldCode answers, whatever was asked. */
  found: readonly OldCodeFound[];
  plan: PlanFleetResponse;
  /** By id, oldest first. */
  readonly rollouts: Map<string, Rollout>;
  /** What happened in any of them. */
  events: ListEventsResponse["events"];
  /** What its report says of a host beyond the rollout, by the host's name. */
  readonly report: Map<string, Partial<RolloutReport["hosts"][number]>>;
  /** What StartRollout makes of a request that it has not seen before. */
  begin(request: StartRolloutRequest): Rollout;
  /** Thrown by every call but watching. */
  refuse: RpcError | null;
  /** Called when StartRollout has done its work and not yet answered. */
  afterStart: (() => void) | null;
  /** Rollout ids by request id. */
  readonly requests: Map<string, string>;
  readonly asked: {
    readonly starts: StartRolloutRequest[];
    readonly patterns: string[];
    /** Orders of reboots, of which a plan was asked. */
    readonly reboots: StartRolloutRequest["reboot"][];
    readonly tokens: unknown[];
    readonly aborts: string[];
  };
}

type RolloutReport = Parameters<Parameters<Control["reportRollout"]>[0]["write"]>[0];

/** A host in each part. */
function reportOf(rollout: Rollout, more: Script["report"]): readonly RolloutReport[] {
  const head = {
    ...{ ...rollout, hosts: rollout.hosts.length, pattern: "role=web", waves: ["canary", "rest"] },
    orders: [{ type: "approved", at: 1_700_000_100_000, actor: "ada", why: "", wave: "canary", host: "" }],
    ...{ audit: [7, 8], auditHeadSeq: 42, auditHeadSha256: Buffer.alloc(32, 0xab) },
  };
  const parts = rollout.hosts.map((host, index) => ({
    ...{ ...host, wave: index === 0 ? "canary" : "rest", planned: [], permits: [], proof: null, audit: [9 + index] },
    ...more.get(host.name),
  }));
  return [{ head, hosts: [] }, ...parts.map((host) => ({ head: null, hosts: [host] }))];
}

export interface Scripted {
  readonly port: number;
  /** Changes a rollout and tells those who watch it. */
  change(id: string, change: Partial<Rollout>): void;
  watchers(): number;
  /** Ends every connection at once, as a killed process does. */
  kill(): void;
}

export async function serveScript(directory: string, script: Script, port = 0): Promise<Scripted> {
  const watching = new Map<string, Set<(rollout: Rollout) => void>>();
  const server = new grpc.Server();
  const find = (id: string) => {
    const rollout = script.rollouts.get(id);
    if (rollout) return rollout;
    throw new RpcError(grpc.status.NOT_FOUND, "not-found", `there is no rollout ${id}`);
  };
  const answering = <Req, Res>(answer: (request: Req) => Res) =>
    unary<Req, Res>(async (request) => {
      if (script.refuse) throw script.refuse;
      return answer(request);
    });
  const unscripted = answering((): never => {
    throw new RpcError(grpc.status.UNIMPLEMENTED, "unscripted", "this call is not in the script");
  });
  const handlers: Control = {
    cordonHosts: unscripted,
    uncordonHosts: unscripted,
    freezeFleet: unscripted,
    thawFleet: unscripted,
    getFreeze: unscripted,
    whyHost: unscripted,
    listEvents: answering(({ id }) => ({ rolloutId: find(id).id, events: [...script.events] })),
    reportRollout: serverStream(async ({ id }, stream) => {
      const found = id === "" ? [...script.rollouts.values()].at(-1) : script.rollouts.get(id);
      for (const part of reportOf(found ?? find(id), script.report)) stream.write(part);
    }),
    listBudgets: unscripted,
    getTrend: unscripted,
    findOldCode: serverStream(async (_request, stream) => {
      if (script.refuse) throw script.refuse;
      for (const found of script.found) stream.write(found);
    }),
    watchEvents: serverStream(async () => {
      throw new RpcError(grpc.status.UNIMPLEMENTED, "unscripted", "this call is not in the script");
    }),
    nextWindows: unscripted,
    writeOffHost: unscripted,
    createToken: answering((request) => {
      script.asked.tokens.push(request);
      return { token: "ap1.token", expiresAt: 1_800_000_000_000 };
    }),
    listHosts: answering(({ pattern }) => {
      script.asked.patterns.push(pattern);
      return script.status;
    }),
    planFleet: answering(({ reboot }) => {
      script.asked.reboots.push(reboot);
      return script.plan;
    }),
    startRollout: answering((request) => {
      script.asked.starts.push(request);
      const id = script.requests.get(request.requestId) ?? "";
      const rollout = script.rollouts.get(id) ?? script.begin(request);
      script.requests.set(request.requestId, rollout.id);
      script.rollouts.set(rollout.id, rollout);
      script.afterStart?.();
      return rollout;
    }),
    getRollout: answering(({ id }) => find(id)),
    listRollouts: answering(({ limit, ended, open }) => {
      const wanted = [...script.rollouts.values()].filter(({ endedAt }) =>
        ended ? endedAt > 0 : !open || endedAt === 0,
      );
      return { rollouts: wanted.reverse().slice(0, limit) };
    }),
    abortRollout: answering(({ id, reason }) => {
      script.asked.aborts.push(reason);
      return { ...find(id), state: "aborted", why: reason };
    }),
    pauseRollout: answering(({ id, reason }) => ({ ...find(id), state: "paused", why: reason })),
    approveRollout: answering(({ id, wave }) => ({ ...find(id), state: "running", why: wave })),
    resumeRollout: answering(({ id }) => ({ ...find(id), state: "running", why: "" })),
    watchRollout: serverStream(async ({ id }, stream) => {
      const ended = Promise.withResolvers<void>();
      const tell = (rollout: Rollout) => {
        stream.write(rollout);
        if (["finished", "halted", "aborted"].includes(rollout.state)) ended.resolve();
      };
      const first = find(id);
      const told = watching.get(id) ?? new Set();
      watching.set(id, told.add(tell));
      stream.on("cancelled", () => ended.resolve());
      tell(first);
      await ended.promise;
      told.delete(tell);
    }),
  };
  server.addService(controlService, handlers);
  const files = ["ca.crt", "server.key", "server.crt"].map((name) => readFileSync(join(directory, name)));
  const [ca = null, key = Buffer.of(), cert = Buffer.of()] = files;
  const credentials = grpc.ServerCredentials.createSsl(ca, [{ private_key: key, cert_chain: cert }], true);
  const bind = Promise.withResolvers<number>();
  server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
    error ? bind.reject(error) : bind.resolve(bound),
  );
  const bound = await bind.promise;
  return {
    port: bound,
    change(id, change) {
      const before = find(id);
      const after = { ...before, ...change, version: before.version + 1 };
      script.rollouts.set(id, after);
      for (const tell of [...(watching.get(id) ?? [])]) tell(after);
    },
    watchers: () => [...watching.values()].reduce((count, told) => count + told.size, 0),
    kill() {
      watching.clear();
      server.forceShutdown();
    },
  };
}
