import { visible } from "@afterpatch/core/text";
import type { Clock } from "../ports.ts";
import { webhookHeaders } from "./signature.ts";

/** Tells one webhook. Resolves with null where it has heard, else with why not; `isFinal`: it never will. */
export type Post = (
  url: string,
  body: object,
  signal: AbortSignal,
  /** Of the notice: the same for every attempt. */
  id: string,
) => Promise<{ readonly why: string; readonly isFinal: boolean } | null>;

/** The secrets that sign for a webhook; none: it is told unsigned. Rejects where one cannot be read. */
export type SecretsOf = (url: string) => Promise<readonly Uint8Array[]>;

const ANSWER_MS = 10_000;

/** POST as JSON, signed. 2xx has heard; 4xx, but 408 and 429, never will (RFC 9110, 15.5); redirects are not followed. */
export function poster(secretsOf: SecretsOf, clock: Pick<Clock, "now">): Post {
  return async (url, notice, signal, id) => {
    const body = JSON.stringify(notice);
    try {
      const headers = webhookHeaders({ id, at: clock.now(), body }, await secretsOf(url));
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", "user-agent": "afterpatch", ...headers },
        body,
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
      });
      await response.body?.cancel();
      if (response.ok) return null;
      const isFinal = response.status >= 300 && response.status < 500 && ![408, 429].includes(response.status);
      return { why: `answered ${response.status}`, isFinal };
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
      return { why: visible(code), isFinal: false };
    }
  };
}
