import { visible } from "@afterpatch/core/text";
import type { Post } from "./webhooks.ts";

const ANSWER_MS = 10_000;

/** POST of the notice as JSON. 2xx has heard; 4xx, but 408 and 429, never will (RFC 9110, 15.5); redirects are not followed. */
export const postNotice: Post = async (url, notice, signal) => {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "afterpatch" },
      body: JSON.stringify(notice),
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
