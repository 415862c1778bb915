import { EXIT, type ExitCode } from "@afterpatch/core/exit";
import { CODE_KEY } from "@afterpatch/wire/rpc";
import { type ServiceError, status } from "@grpc/grpc-js";
import { CommandError } from "@afterpatch/core/command-error";

/** What each code of control.proto means to an operator. */
const BY_CODE: Readonly<Record<string, readonly [ExitCode, string | null]>> = {
  "selection-empty": [EXIT.selection, "see 'afterpatch status' for the hosts there are"],
  "stale-plan": [EXIT.stale, "look at the new plan with 'afterpatch plan', or start with --allow-new"],
  "hosts-held": [EXIT.held, "see 'afterpatch rollout list'; wait for that rollout or abort it"],
  "too-many-hosts": [EXIT.usage, "select fewer hosts or raise --max-hosts"],
  "already-ended": [EXIT.usage, "see 'afterpatch rollout status'"],
  "not-found": [EXIT.selection, "see 'afterpatch rollout list' for the rollouts there are"],
  "bad-argument": [EXIT.usage, null],
};

const BAD_CERTIFICATE =
  /self.signed|unable to (?:get|verify)|certificate|altnames|does not match|tlsv1.*alert|sslv3 alert|ssl alert/i;

/** The operator's view of a failed call to the controller at `address`. `what` names what was wanted. */
export function explain(error: unknown, what: string, address: string): unknown {
  if (!isServiceError(error)) return error;
  const code = error.metadata?.get(CODE_KEY)[0]?.toString();
  const known = code === undefined ? undefined : BY_CODE[code];
  const options = { cause: error };
  if (known) return new CommandError(known[0], what, error.details, known[1], options);
  const make = (exit: ExitCode, why: string, todo: string | null) => new CommandError(exit, what, why, todo, options);
  switch (error.code) {
    case status.UNAVAILABLE:
      return unavailable(error, address);
    case status.DEADLINE_EXCEEDED:
      return make(EXIT.unreachable, `the controller at ${address} did not answer in time`, "try again; see its log");
    case status.PERMISSION_DENIED:
    case status.UNAUTHENTICATED:
      return make(EXIT.usage, error.details || "permission refused", "use credentials with a role that allows it");
    case status.INVALID_ARGUMENT:
    case status.FAILED_PRECONDITION:
    case status.ALREADY_EXISTS:
      return make(EXIT.usage, error.details, null);
    case status.NOT_FOUND:
      return make(EXIT.selection, error.details, "see 'afterpatch status' and 'afterpatch rollout list'");
    case status.UNIMPLEMENTED:
      return make(EXIT.usage, `${address} does not serve this call`, "name the fleet port, or upgrade the controller");
    default:
      return make(
        EXIT.internal,
        `the controller failed: ${error.details || status[error.code]}`,
        "see the controller's log",
      );
  }
}

/** True for failures that end when the network or the controller comes back. */
export function isPassing(error: unknown): boolean {
  if (!isServiceError(error)) return false;
  if (error.code === status.UNAVAILABLE) return !BAD_CERTIFICATE.test(error.details);
  if (error.code === status.DEADLINE_EXCEEDED || error.code === status.CANCELLED) return true;
  // What grpc-js makes of a connection that died in the middle of an answer.
  return error.code === status.INTERNAL && /RST_STREAM|GOAWAY/.test(error.details);
}

function unavailable(error: ServiceError, address: string): CommandError {
  const why = reasonIn(error.details);
  const what = `controller ${address}`;
  if (BAD_CERTIFICATE.test(error.details)) {
    const todo = "check that --credentials and --controller belong together and have not been revoked";
    return new CommandError(EXIT.usage, what, `the certificates do not fit: ${why}`, todo, { cause: error });
  }
  const todo = "check the address (--controller) and that the controller is running";
  return new CommandError(EXIT.unreachable, what, `cannot be reached: ${why}`, todo, { cause: error });
}

/** grpc-js wraps the reason in its own words. */
function reasonIn(details: string): string {
  if (/wrong version number|packet length too long/.test(details)) return "what answers there does not speak TLS";
  return details
    .replace(/^.*Last error: /s, "")
    .replace(/\. Resolution note:.*$/s, "")
    .replace(/^Error: /, "")
    .trim();
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
}
