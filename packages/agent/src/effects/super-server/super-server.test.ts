import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { processTable } from "../processes.ts";
import { waitingServers } from "./super-server.ts";

test("a server that was given its super-server's listening socket is told from one that was given a connection", async () => {
  const superServer = createServer().listen(0, "127.0.0.1");
  await once(superServer, "listening");
  const address = superServer.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const client = connect(port, "127.0.0.1");
  const [connection] = (await once(superServer, "connection")) as [Socket]; // net.Server, event connection
  const children = [superServer, connection].map((input) => {
    const { _handle } = input as unknown as { readonly _handle: { readonly fd: number } }; // where Node keeps the descriptor
    return spawn("sleep", ["60"], { stdio: [_handle.fd, "ignore", "ignore"] });
  });
  onTestFinished(() => {
    for (const child of children) child.kill();
    client.destroy();
    superServer.close();
  });
  const pids = children.map((child) => child.pid ?? 0);
  const others = pids.map((pid) => ({ pid, startTicks: processTable().get(pid)?.startTicks ?? 0 }));
  const server = { manager: "inetd", pids: [process.pid], open: [], others } as const;
  expect(waitingServers(server, [])).toMatchObject({ old: [{ pid: pids[0] }], ports: [`tcp ${port}`] });
});
