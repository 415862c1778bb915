import type { Readable, Writable } from "node:stream";
import { LabError } from "../lab/commands.ts";

type Json = Readonly<Record<string, unknown>>;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The far end of a connection of QEMU's protocols: a JSON document per line, results with the id of their command.
 * It speaks to the emulator (QMP) and to the agent in the guest, which may be gone at any time and come back.
 */
export class JsonPeer {
  readonly #name: string;
  readonly #to: Writable;
  readonly #waiting = new Map<string, Waiting>();
  #lastId = 0;
  #partial = "";
  #hasEnded = false;

  constructor(name: string, from: Readable, to: Writable) {
    this.#name = name;
    this.#to = to;
    from.setEncoding("utf8");
    from.on("data", (text: string) => this.#read(text));
    from.once("close", () => this.#end());
    from.on("error", () => undefined); // It closes then.
    to.on("error", () => undefined); // Likewise; whoever waits for a result is told.
  }

  /** Resolves with the command's result. Throws LabError when it says no, does not answer in time, or is gone. */
  async call(command: string, argument: Json = {}, timeoutMs = 10_000): Promise<unknown> {
    const what = `${this.#name}: ${command}`;
    if (this.#hasEnded) throw new LabError("not-up", `${what}: the machine is off`);
    const id = `${++this.#lastId}`;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, {
      resolve,
      reject: (error) => reject(new LabError("command-failed", `${what}: ${error.message}`, { cause: error })),
    });
    const late = new LabError("timeout", `${what}: no answer within ${timeoutMs} ms`);
    const timer = setTimeout(() => reject(late), timeoutMs);
    try {
      this.#to.write(`${JSON.stringify({ execute: command, arguments: argument, id })}\n`);
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /** Has the far end forget what it was sent half of, before it went down say; qemu-ga(8), guest-sync-delimited. */
  flush(): void {
    if (!this.#hasEnded) this.#to.write(Buffer.from([0xff]));
  }

  #read(text: string): void {
    const lines = `${this.#partial}${text}`.split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) {
      const document = parse(line);
      const waiting = this.#waiting.get(String(document?.id));
      if (!document || !waiting) continue; // A greeting, an event, or the answer to a question that was given up.
      if ("return" in document) waiting.resolve(document.return);
      else waiting.reject(new Error(JSON.stringify(document.error)));
    }
  }

  #end(): void {
    this.#hasEnded = true;
    for (const { reject } of this.#waiting.values()) reject(new Error("the machine was switched off"));
  }
}

/** Null for the rest of a line that its sender did not live to finish. */
function parse(line: string): Json | null {
  try {
    const document: unknown = JSON.parse(line);
    return typeof document === "object" && document !== null ? (document as Json) : null; // any object is one
  } catch {
    return null;
  }
}
