import { chmod, rm } from "node:fs/promises";
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";

/**
 * The controller's door for whoever may read its data directory: a Unix socket in it. Those hold the CA's key already; no
 * certificate is asked for. One line of JSON is asked, one is answered.
 */
export const localSocket = (dataDir: string): string => join(dataDir, "run", "local.sock");

export type LocalRequest =
  /** A copy of the store in this new file in the data directory's `run`. */
  | { readonly kind: "copy"; readonly file: string }
  /** A login token for an operator, whoever that is. */
  | { readonly kind: "login-token"; readonly operator: string }
  /** Its ports and its process: it is asked only once it serves. */
  | { readonly kind: "ready" };

export type LocalAnswer =
  | { readonly kind: "done"; readonly result: Readonly<Record<string, string | number>> }
  | { readonly kind: "refused"; readonly why: string };

export type Answer = (request: LocalRequest) => Promise<LocalAnswer>;

/** A longer one is cut by the system without a word (unix(7)). */
const isTooLong = (path: string): boolean => Buffer.byteLength(path) > 107;
const LONGEST_LINE = 4_096;
const PATIENCE_MS = 10 * 60_000;

/**
 * Opens the door; the returned function shuts it. Where it cannot be opened, such as at a path of more than 107 bytes
 * (unix(7)), that is told, and the controller works without.
 */
export async function openLocal(
  dataDir: string,
  answer: Answer,
  without: (why: string) => void,
): Promise<() => Promise<void>> {
  const path = localSocket(dataDir);
  await rm(path, { force: true }); // of a controller that was killed: the store's lock tells that no other one runs
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    void serve(socket, answer);
  });
  const why = await new Promise<string | null>((resolve) => {
    server.once("error", ({ message }) => resolve(message));
    if (isTooLong(path)) resolve(`${path} is too long for a socket`);
    else server.listen(path, () => resolve(null));
  });
  if (why !== null) {
    without(why);
    return async () => {};
  }
  await chmod(path, 0o600);
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy(); // one that asks nothing does not hold up the end
    });
}

async function serve(socket: Socket, answer: Answer): Promise<void> {
  socket.on("error", () => socket.destroy());
  try {
    const request = requestIn(await line(socket));
    const told: LocalAnswer = request ? await answer(request) : { kind: "refused", why: "not a request" };
    socket.end(`${JSON.stringify(told)}\n`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    socket.end(`${JSON.stringify({ kind: "refused", why })}\n`);
  }
}

function requestIn(text: string): LocalRequest | null {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) return null;
  const { kind, file, operator } = value as Record<string, unknown>; // an object, its fields are checked next
  if (kind === "copy" && typeof file === "string" && /^[A-Za-z0-9-]{1,64}$/.test(file)) return { kind, file };
  if (kind === "ready") return { kind };
  return kind === "login-token" && typeof operator === "string" ? { kind, operator } : null;
}

/** False where no controller can be asked: its path would be too long for a socket. */
export const canAsk = (dataDir: string): boolean => !isTooLong(localSocket(dataDir));

/** Asks the controller that runs on a data directory; null: none does. */
export async function askLocal(
  dataDir: string,
  request: LocalRequest,
  patienceMs = PATIENCE_MS,
): Promise<LocalAnswer | null> {
  const path = localSocket(dataDir);
  if (isTooLong(path)) return null; // none can be asked there
  const socket = createConnection(path);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.once("connect", resolve);
    });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "ENOENT" || code === "ECONNREFUSED") return null;
    throw error;
  }
  socket.setTimeout(patienceMs, () => socket.destroy(new Error("the controller did not answer")));
  socket.end(`${JSON.stringify(request)}\n`);
  return JSON.parse(await line(socket)) as LocalAnswer; // of our own controller, on a socket that only its owner has
}

/** Not by iterating over it: that would destroy the socket with its first line, before the answer. */
function line(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const done = (): void => {
      const [first = ""] = text.split("\n");
      if (first === "") reject(new Error("the connection ended without a line"));
      else resolve(first);
    };
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n") || text.length > LONGEST_LINE) done();
    });
    socket.once("end", done).once("close", done).once("error", reject);
  });
}
