import { spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

// Stands for xinetd: for each line of input, a shell script, it takes a connection and runs the script on it in a session
// of its own. Says the pid of each.
const clients = new Set<unknown>();
const server = createServer({ pauseOnConnect: true });
server.listen(0, "127.0.0.1");
for await (const script of createInterface({ input: process.stdin })) {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  const accepted = new Promise<import("node:net").Socket>((resolve) => server.once("connection", resolve));
  clients.add(connect(address.port, "127.0.0.1"));
  const socket = await accepted;
  const session = spawn("sh", ["-c", script], { detached: true, stdio: [socket, socket, "ignore"] });
  socket.destroy();
  console.log(session.pid);
}
