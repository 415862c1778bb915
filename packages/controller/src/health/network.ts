import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { abridged, visible } from "@afterpatch/core/text";

/** Largest answer that is read, bytes. */
const MOST_BYTES = 1024 * 1024;
const LONGEST_SHOWN = 200;

/** Null: it holds. Otherwise why it does not, one sentence without a full stop. */
export type Held = string | null;

/** Does something accept a connection there? */
export function tcpProbe(host: string, port: number, signal: AbortSignal): Promise<Held> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (why: Held) => {
      socket.destroy();
      signal.removeEventListener("abort", late);
      resolve(why);
    };
    const late = () => end(`${host}:${port} did not answer in time`);
    if (signal.aborted) return late();
    signal.addEventListener("abort", late);
    socket.once("connect", () => end(null));
    socket.once("error", (error: NodeJS.ErrnoException) => end(`${host}:${port}: ${wordOf(error)}`));
  });
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One GET, on a connection of its own; redirects are not followed. A string says why there is no answer. */
export function get(url: string, signal: AbortSignal): Promise<Answer | string> {
  return new Promise((resolve) => {
    let parsed: URL;
    try {
      parsed = new URL(url);
    } catch {
      return resolve(`${shown(url)} is not an address`);
    }
    const request = parsed.protocol === "https:" ? httpsRequest : httpRequest;
    const sent = request(parsed, { agent: false, signal, headers: { "user-agent": "afterpatch", accept: "*/*" } });
    sent.once("error", (error: NodeJS.ErrnoException) =>
      resolve(signal.aborted ? `${shown(url)} did not answer in time` : `${shown(url)}: ${wordOf(error)}`),
    );
    sent.once("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= MOST_BYTES) chunks.push(chunk);
        else sent.destroy(new Error(`its answer is larger than ${MOST_BYTES} bytes`));
      });
      response.once("error", (error: NodeJS.ErrnoException) => resolve(`${shown(url)}: ${wordOf(error)}`));
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    sent.end();
  });
}

export interface HttpExpectation {
  readonly url: string;
  readonly expect: number;
  /** Null: whatever it says. */
  readonly contains: string | null;
}

export async function httpProbe({ url, expect, contains }: HttpExpectation, signal: AbortSignal): Promise<Held> {
  const answer = await get(url, signal);
  if (typeof answer === "string") return answer;
  if (answer.status !== expect) return `${shown(url)} answered ${answer.status}, and ${expect} was expected`;
  return contains === null || answer.text.includes(contains)
    ? null
    : `the answer of ${shown(url)} does not contain ${shown(contains)}`;
}

function wordOf({ code, message }: NodeJS.ErrnoException): string {
  return visible(code ?? message);
}

function shown(text: string): string {
  return visible(abridged(text, LONGEST_SHOWN));
}
