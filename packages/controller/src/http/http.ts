import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { bindFailure } from "../listen/bind-failure.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Log } from "../ports.ts";

/** The HTTP port on loopback. */
export interface Http {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves GET and HEAD of /healthz and /metrics on loopback. Throws CommandError when the port cannot be had. */
export async function openHttp(port: number, metrics: Pick<Metrics, "text">, log: Log): Promise<Http> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    answer(request, metrics).then(
      (told) => send(request, response, told),
      (err: unknown) => {
        log.error({ err }, "metrics not collected");
        send(request, response, plain(500));
      },
    );
  });
  await listen(server, port);
  return {
    port: portOf(server),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

async function answer({ url, method, headers }: IncomingMessage, metrics: Pick<Metrics, "text">): Promise<Answer> {
  const path = url?.split("?")[0];
  if (path !== "/healthz" && path !== "/metrics") return plain(404);
  if (method !== "GET" && method !== "HEAD") return plain(405);
  if (path === "/healthz") return plain(200, "ok\n");
  return { status: 200, ...(await metrics.text(/\bapplication\/openmetrics-text\b/.test(headers.accept ?? ""))) };
}

function plain(status: number, body = `${status}\n`): Answer {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body }: Answer): void {
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    ...(status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const wanted = { name: "HTTP", host: "127.0.0.1", port, option: "--http-port" };
    server.once("error", (error) => reject(bindFailure(wanted, error)));
    server.listen(port, "127.0.0.1", resolve);
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the HTTP port is closed");
  return address.port;
}
