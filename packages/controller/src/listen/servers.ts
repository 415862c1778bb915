import { ANSWER_BYTES, FLEET_MESSAGE_BYTES } from "@afterpatch/wire/credentials";
import { agentService } from "@afterpatch/wire/services";
import * as grpc from "@grpc/grpc-js";
import type { Counts } from "../metrics/counts.ts";
import type { Log } from "../ports.ts";
import { StoreError } from "../store/errors.ts";
import type { Access } from "../store/operators.ts";
import { ignoreDestroyedStreams } from "./destroyed-streams.ts";
import { anyone, byAddress, byPeer, gate, type Identify, knownPeer, type Limit } from "./authorise.ts";
import { CALLS, ENROL_CALLS, Rates } from "./rates.ts";
import { MOST_STRUCTURE_BYTES, structureBytes } from "./structure.ts";

/** A gRPC service with what answers it. */
export interface Service {
  readonly definition: grpc.ServiceDefinition;
  readonly handlers: grpc.UntypedServiceImplementation;
}

// What it writes to standard error repeats a peer's text as it came.
grpc.setLogVerbosity(grpc.logVerbosity.NONE);

const DAY_MS = 86_400_000;
/** A CSR is at most 4 KiB, labels and name a little more. */
const ENROL_MESSAGE_BYTES = 16 * 1024;

/** The server behind the fleet port. */
export function fleetServer(services: readonly Service[], access: Access, log: Log, counts: Counts): grpc.Server {
  const limit = { rates: new Rates(CALLS), keyOf: byPeer };
  return server(
    services,
    { identify: knownPeer(access), limit, log, counts },
    {
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 10_000,
      "grpc.keepalive_permit_without_calls": 1,
      "grpc.max_concurrent_streams": 8,
      // A certificate that expires or a name that moves is noticed within a day.
      "grpc.max_connection_age_ms": DAY_MS,
      "grpc.max_connection_age_grace_ms": 60_000,
      "grpc.max_receive_message_length": FLEET_MESSAGE_BYTES,
      "grpc.max_send_message_length": ANSWER_BYTES,
    },
  );
}

/** The server behind the enrol port. */
export function enrolServer(services: readonly Service[], log: Log, counts: Counts): grpc.Server {
  const limit = { rates: new Rates(ENROL_CALLS), keyOf: byAddress };
  return server(
    services,
    { identify: anyone, limit, log, counts },
    {
      "grpc.max_concurrent_streams": 1,
      "grpc.max_receive_message_length": ENROL_MESSAGE_BYTES,
      "grpc.max_send_message_length": ENROL_MESSAGE_BYTES,
    },
  );
}

interface Door {
  readonly identify: Identify;
  readonly limit: Limit;
  readonly log: Log;
  readonly counts: Counts;
}

function server(services: readonly Service[], door: Door, options: grpc.ServerOptions): grpc.Server {
  const { identify, limit, log, counts } = door;
  // The first is the nearest to the peer: it sees what the gate refuses.
  const interceptors = [counts.interceptor, gate(identify, limit, log)];
  const server = new grpc.Server({ ...options, "grpc.enable_channelz": 0, interceptors });
  ignoreDestroyedStreams(server);
  for (const { definition, handlers } of services) server.addService(bounded(definition), logged(handlers, log));
  return server;
}

/** What agents send is looked at before it is decoded: two bytes may become an object of a hundred. */
function bounded(definition: grpc.ServiceDefinition): grpc.ServiceDefinition {
  const methods = Object.entries(definition).map(([name, method]) => {
    if (method.path !== agentService.connect.path) return [name, method] as const;
    const decode = method.requestDeserialize;
    const requestDeserialize = (bytes: Buffer) => {
      const size = structureBytes(bytes);
      if (size <= MOST_STRUCTURE_BYTES) return decode(bytes);
      throw new Error(`a message has ${size} bytes beside its report, ${MOST_STRUCTURE_BYTES} are allowed`);
    };
    return [name, { ...method, requestDeserialize }] as const;
  });
  return Object.fromEntries(methods);
}

// What grpc-js gives a handler: a call that is an emitter, and a callback when the answer is one message.
type Call = { getPath(): string; on(event: "error", listener: (error: unknown) => void): void };
type Answer = (error: unknown, ...rest: unknown[]) => void;
type Handler = (call: Call, answer?: Answer) => void;

/** The handlers, with a log line for every failure that reaches the caller as INTERNAL without detail. */
function logged(handlers: grpc.UntypedServiceImplementation, log: Log): grpc.UntypedServiceImplementation {
  const wrapped = Object.entries(handlers).map(([name, handler]) => {
    const inner = handler as Handler; // grpc-js unites four signatures; both parameters are passed through
    const outer: Handler = (call, answer) => {
      const report = (error: unknown): void => {
        if (!(error instanceof Object && "cause" in error)) return;
        log.error({ rpc: call.getPath(), err: error.cause }, "call failed");
        // Whoever asks is to hear that the disk is full, not that something went wrong.
        if (error.cause instanceof StoreError && "details" in error)
          error.details = `the store of the controller: ${error.cause.why}; ${error.cause.todo}`;
      };
      call.on("error", report);
      inner(
        call,
        answer &&
          ((error, ...rest) => {
            report(error);
            answer(error, ...rest);
          }),
      );
    };
    return [name, outer as grpc.UntypedHandleCall] as const; // as above
  });
  return Object.fromEntries(wrapped);
}
