import { join } from "node:path";
import { newToken, type TokenDeps } from "../api/trust/tokens.ts";
import type { Clock, Log } from "../ports.ts";
import type { Store } from "../store/store.ts";
import type { Answer } from "./socket.ts";

export interface LocalDeps extends Pick<TokenDeps, "pin"> {
  readonly dataDir: string;
  readonly store: Pick<Store, "copy" | "audit" | "operators">;
  readonly clock: Clock;
  readonly log: Log;
  readonly ports: { readonly fleet: number; readonly enrol: number; readonly http: number };
  /** By which people dial the ports. */
  readonly host: string;
}

const TOKEN_MS = 3_600_000;
/** Who orders it: somebody on this machine who may read the data directory. */
const LOCAL = "local";

/** What is done for whoever owns the data directory. */
export function localAnswers(deps: LocalDeps): Answer {
  const { dataDir, store, clock, log, ports, host } = deps;
  return async (request) => {
    switch (request.kind) {
      case "copy":
        await store.copy(join(dataDir, "run", request.file));
        await store.audit.note({ actor: LOCAL, at: clock.now() }, "controller.backup", "");
        log.info({}, "store copied");
        return { kind: "done", result: {} };
      case "login-token": {
        const { operator } = request;
        const wanted = { uses: 1, expiresMs: TOKEN_MS, labels: {}, createdBy: LOCAL, operator };
        const { token, text } = newToken(deps, wanted);
        const made = await store.operators.inviteAgain({ ...token, operator });
        if (made !== "done")
          return { kind: "refused", why: made === "removed" ? "was revoked, for good" : "there is none" };
        log.warn({ operator }, "login token created on this machine");
        return { kind: "done", result: { token: text, host, port: ports.enrol } };
      }
      case "ready":
        return { kind: "done", result: { ...ports, pid: process.pid } };
    }
  };
}
