import type { NothingSelected } from "@afterpatch/core/fleet/select";
import { echoed, someOf } from "@afterpatch/core/text";
import { RpcError } from "@afterpatch/wire/rpc";
import { status } from "@grpc/grpc-js";
import { RolloutError } from "../rollouts/held.ts";

/** A refusal with its machine-readable code. */
export function refused(code: string, message: string): RpcError {
  return new RpcError(code === "not-found" ? status.NOT_FOUND : status.FAILED_PRECONDITION, code, message);
}

/** What rollouts refuse reaches the caller as a refusal. */
export async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof RolloutError ? refused(error.code, error.message) : error;
  }
}

/** Nobody can select anything: whoever has just begun is told how to go on. */
export function refuseEmptyFleet(): never {
  const todo =
    "see 'afterpatch token create' for a join token, and 'afterpatch-agent enroll --help' for its use on a host";
  throw new RpcError(status.NOT_FOUND, "selection-empty", `no host is enrolled yet; ${todo}`);
}

/** `place`: where the pattern stands, with a colon. An empty or partly unmatched selection is an error that names what comes nearest, never "all" and never success. */
export function refuseSelection(pattern: string, selection: NothingSelected, place = ""): never {
  switch (selection.kind) {
    case "invalid": {
      const { why } = selection;
      const told = why.startsWith(echoed(pattern)) ? why : `pattern ${echoed(pattern)}: ${why}`;
      throw new RpcError(status.INVALID_ARGUMENT, "bad-argument", `${place}${told}`);
    }
    case "empty":
      throw new RpcError(
        status.NOT_FOUND,
        "selection-empty",
        `${place}pattern ${echoed(pattern)} selects no host: ${selection.why}`,
      );
    case "unmatched": {
      const terms = selection.terms.map(({ term, nearest }) =>
        nearest.length > 0 ? `${echoed(term)} (nearest: ${nearest.join(", ")})` : echoed(term),
      );
      throw new RpcError(status.NOT_FOUND, "selection-empty", `${place}nothing matches ${someOf(terms, 3)}`);
    }
  }
}
