import type { NothingSelected } from "@afterpatch/core/fleet/select";
import { RpcError } from "@afterpatch/wire/rpc";
import { status } from "@grpc/grpc-js";

/** An empty or partly unmatched selection is an error that names what comes nearest, never "all" and never success. */
export function refuseSelection(pattern: string, selection: NothingSelected): never {
  switch (selection.kind) {
    case "invalid":
      throw new RpcError(status.INVALID_ARGUMENT, "bad-argument", `pattern '${pattern}': ${selection.why}`);
    case "empty":
      throw new RpcError(status.NOT_FOUND, "selection-empty", `pattern '${pattern}' selects no host: ${selection.why}`);
    case "unmatched": {
      const terms = selection.terms.map(({ term, nearest }) =>
        nearest.length > 0 ? `'${term}' (nearest: ${nearest.join(", ")})` : `'${term}'`,
      );
      throw new RpcError(status.NOT_FOUND, "selection-empty", `nothing matches ${terms.join(" and ")}`);
    }
  }
}
