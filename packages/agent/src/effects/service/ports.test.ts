import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { portHolders, portsMissing } from "./ports.ts";

test.each([
  ["the same", ["tcp 22", "udp 53"], ["udp 53", "tcp 22"], []],
  ["one that is gone", ["tcp 22", "tcp 80"], ["tcp 22"], ["tcp 80"]],
  ["one more is no loss", ["tcp 22"], ["tcp 22", "tcp 80"], []],
  ["two sockets for IPv4 and IPv6 became one", ["tcp 22", "tcp 22"], ["tcp 22"], []],
  ["fewer ports of the kernel's choice", ["tcp dynamic", "tcp dynamic"], ["tcp dynamic"], ["tcp dynamic"]],
  ["the other protocol is another port", ["udp 53"], ["tcp 53"], ["udp 53"]],
])("%s", (_name, before, after, expected) => expect(portsMissing(before, after)).toEqual(expected));

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
  expect(portHolders([process.pid], pids)).toEqual([{ pid: pids[0], port: `tcp ${port}` }]);
});
