import { ANSWER_BYTES, FLEET_MESSAGE_BYTES } from "@afterpatch/wire/credentials";
import * as grpc from "@grpc/grpc-js";
import type { Log } from "../ports.ts";
import { StoreError } from "../store/errors.ts";
import type { Access } from "../store/operators.ts";
import { ignoreDestroyedStreams } from "./destroyed-streams.ts";
import { anyone, gate, type Identify, knownPeer } from "./authorise.ts";

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
export function fleetServer(services: readonly Service[], access: Access, log: Log): grpc.Server {
  return server(services, knownPeer(access), log, {
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.max_concurrent_streams": 8,
    // A certificate that expires or a name that moves is noticed within a day.
    "grpc.max_connection_age_ms": DAY_MS,
    "grpc.max_connection_age_grace_ms": 60_000,
    "grpc.max_receive_message_length": FLEET_MESSAGE_BYTES,
    "grpc.max_send_message_length": ANSWER_BYTES,
  });
}

/** The server behind the enrol port. */
export function enrolServer(services: readonly Service[], log: Log): grpc.Server {
  return server(services, anyone, log, {
    "grpc.max_concurrent_streams": 1,
    "grpc.max_receive_message_length": ENROL_MESSAGE_BYTES,
    "grpc.max_send_message_length": ENROL_MESSAGE_BYTES,
  });
}

function server(services: readonly Service[], identify: Identify, log: Log, options: grpc.ServerOptions): grpc.Server {
  const server = new grpc.Server({ ...options, "grpc.enable_channelz": 0, interceptors: [gate(identify, log)] });
  ignoreDestroyedStreams(server);
  for (const { definition, handlers } of services) server.addService(definition, logged(handlers, log));
  return server;
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
