import { createServer, type Server } from "node:http";
import { bindFailure } from "../listen/bind-failure.ts";

/** The HTTP port on loopback. */
export interface Http {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves GET /healthz on loopback. Throws CommandError when the port cannot be had. */
export async function openHttp(port: number): Promise<Http> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    const found = request.url === "/healthz";
    const status = found ? (request.method === "GET" ? 200 : 405) : 404;
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
    response.end(status === 200 ? "ok\n" : `${status}\n`);
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
