import { visible } from "@afterpatch/core/text";
import { get, type Held } from "./network.ts";

export interface Query {
  /** Of the server: `http://prom:9090`. */
  readonly url: string;
  readonly query: string;
  /** What becomes of a host while the server does not answer. */
  readonly onError: "block" | "pass";
}

/**
 * An instant query (Prometheus HTTP API v1) holds when it has a result and every value of it is a number other than 0:
 * `up{instance="{host}:9100"} == 1`, `absent(ALERTS{severity="page"})`.
 */
export async function prometheusProbe({ url, query, onError }: Query, signal: AbortSignal): Promise<Held> {
  const address = `${url.replace(/\/+$/, "")}/api/v1/query?query=${encodeURIComponent(query)}`;
  const answer = await get(address, signal);
  const values = typeof answer === "string" ? answer : valuesIn(answer.text);
  if (typeof values === "string") return onError === "pass" ? null : `Prometheus cannot tell: ${values}`;
  if (values.length === 0) return `the query ${visible(query)} has no result`;
  const wrong = values.find((value) => !(Number(value) !== 0) || Number.isNaN(Number(value)));
  return wrong === undefined ? null : `the query ${visible(query)} is ${visible(wrong)}`;
}

/** A string says what is wrong. The server is another program: nothing of its answer is taken for granted. */
function valuesIn(text: string): readonly string[] | string {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return "its answer is no JSON";
  }
  if (!isRecord(answer)) return "its answer is no object";
  if (answer.status !== "success") return visible(String(answer.error ?? "its answer is no success").slice(0, 200));
  const data = isRecord(answer.data) ? answer.data : {};
  if (data.resultType === "scalar") return pairs([data.result]);
  if (data.resultType === "vector" && Array.isArray(data.result)) {
    return pairs(data.result.map((one: unknown) => (isRecord(one) ? one.value : null)));
  }
  return `the query gives ${visible(String(data.resultType).slice(0, 40))}, and a vector or scalar is needed`;
}

/** `[time, "value"]` */
function pairs(values: readonly unknown[]): readonly string[] | string {
  const texts = values.map((value) => (Array.isArray(value) && typeof value[1] === "string" ? value[1] : null));
  const known = texts.filter((text) => text !== null);
  return known.length === texts.length ? known : "its answer has a value that is none";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
