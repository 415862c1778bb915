import { EXIT, type ExitCode } from "@afterpatch/core/exit";
import { formatAddress } from "@afterpatch/wire/address";
import { CODE_KEY } from "@afterpatch/wire/rpc";
import { type ServiceError, status } from "@grpc/grpc-js";
import type { Credentials } from "./credentials/read.ts";
import { misfit } from "./misfit.ts";
import { CommandError } from "@afterpatch/core/command-error";

/** What each code of control.proto means to an operator. */
const BY_CODE: Readonly<Record<string, readonly [ExitCode, string | null]>> = {
  "selection-empty": [EXIT.selection, "see 'afterpatch hosts list' for the hosts there are"],
  "stale-plan": [EXIT.stale, "look at the new plan with 'afterpatch plan', or start with --allow-new"],
  "hosts-held": [EXIT.held, "see 'afterpatch rollout list'; wait for that rollout with --queue, or abort it"],
  "too-many-hosts": [EXIT.usage, "select fewer hosts or raise --max-hosts"],
  "already-ended": [EXIT.usage, "see 'afterpatch rollout status'"],
  "wrong-state": [EXIT.usage, "see 'afterpatch rollout status'"],
  "in-hand": [EXIT.usage, "wait for its end: 'afterpatch rollout status'"],
  "not-charged": [EXIT.usage, "see 'afterpatch budgets' and 'afterpatch status' for what is charged"],
  "not-found": [EXIT.selection, "see 'afterpatch rollout list' for the rollouts there are"],
  "bad-argument": [EXIT.usage, null],
};

/** What grpc-js says where nobody listens or nothing is: a certificate has nothing to do with that. */
const NOBODY_THERE = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|Name resolution failed/;

/** The operator's view of a failed call to the controller. `what` names what was wanted. */
export async function explain(error: unknown, what: string, credentials: Credentials): Promise<unknown> {
  if (!isServiceError(error)) return error;
  const address = formatAddress(credentials.address);
  const code = error.metadata?.get(CODE_KEY)[0]?.toString();
  const known = code === undefined ? undefined : BY_CODE[code];
  const options = { cause: error };
  if (known) {
    // The controller may have better advice than we: it knows what is wrong.
    const details = withoutName(error.details, what);
    const [why = "", ...advice] = details.split("; ");
    if (code === "selection-empty" && details.startsWith("filter: ")) {
      const other = "give another name; 'afterpatch plan' shows what runs old code there";
      return new CommandError(EXIT.selection, what, details, other, options);
    }
    const isAdvised = known[1] === null || advice.at(-1)?.startsWith("see '") === true;
    const todo = advice.length > 0 && isAdvised ? advice.join("; ") : known[1];
    return new CommandError(known[0], what, isAdvised ? why : details, todo, options);
  }
  const make = (exit: ExitCode, why: string, todo: string | null) => new CommandError(exit, what, why, todo, options);
  switch (error.code) {
    case status.UNAVAILABLE:
      return (NOBODY_THERE.test(error.details) ? null : await misfit(credentials)) ?? unavailable(error, address);
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

/** The line names it already: `rollout r1: has already ended: halted`. */
function withoutName(details: string, what: string): string {
  return details.startsWith(`${what} `) ? details.slice(what.length + 1) : details;
}

/** True for what `explain` made of failures that end when the network or the controller comes back. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof CommandError)) return false;
  const { cause } = error;
  if (!isServiceError(cause)) return false;
  if (error.exit === EXIT.unreachable || cause.code === status.CANCELLED) return true;
  // What grpc-js makes of a connection that died in the middle of an answer.
  return cause.code === status.INTERNAL && /RST_STREAM|GOAWAY/.test(cause.details);
}

function unavailable(error: ServiceError, address: string): CommandError {
  const why = reasonIn(error.details);
  const todo = "check the address (--controller) and that the controller is running";
  return new CommandError(EXIT.unreachable, `controller ${address}`, `cannot be reached: ${why}`, todo, {
    cause: error,
  });
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
