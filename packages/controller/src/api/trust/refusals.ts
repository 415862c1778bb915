import { RpcError } from "@afterpatch/wire/rpc";
import { status } from "@grpc/grpc-js";
import { MOST_LOGINS } from "../../store/operators.ts";
import type { TokenRefusal } from "../../store/tokens.ts";

/** What somebody who shows a token that does not work is told. */
export function refuseToken(refusal: TokenRefusal): RpcError {
  const code = refusal.kind === "token-too-often" ? status.RESOURCE_EXHAUSTED : status.UNAUTHENTICATED;
  return new RpcError(code, refusal.kind, explain(refusal));
}

function explain(refusal: TokenRefusal): string {
  switch (refusal.kind) {
    case "token-wrong":
      return "the controller does not know this token";
    case "token-burnt":
      return "the token was burnt by wrong secrets";
    case "token-revoked":
      return "the token was revoked";
    case "token-expired":
      return `the token expired at ${new Date(refusal.expiresAt).toISOString()}`;
    case "token-used":
      return "the token is used up";
    case "token-too-often":
      return `this machine has logged in ${MOST_LOGINS} times within an hour`;
    case "token-of-others":
      return refusal.operator === null
        ? "it is a join token of hosts, for 'afterpatch-agent enroll'"
        : `it is the login token of operator ${refusal.operator}, for 'afterpatch login'`;
  }
}
