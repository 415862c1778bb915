// Runs on a lab host and holds sessions with its xinetd, as their users would. A command per line, an answer per line:
// "open quick slow" -> [PID, PID]; "alive" -> pids whose connection is open; "close" -> [].
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

const PORT = 1430;
const sessions = new Map<number, Socket>();

async function open(mode: string): Promise<number> {
  const socket = connect({ host: "127.0.0.1", port: PORT });
  socket.on("error", () => undefined); // its end is what "alive" tells
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const pid = Number((await lines.next()).value);
  socket.write(`${mode}\n`);
  if ((await lines.next()).value !== "ready") throw new Error(`session ${pid} is not ready`);
  socket.once("close", () => sessions.delete(pid));
  sessions.set(pid, socket);
  return pid;
}

async function answer([command, ...modes]: readonly string[]): Promise<readonly number[]> {
  if (command === "open") {
    const pids: number[] = [];
    for (const mode of modes) pids.push(await open(mode));
    return pids;
  }
  if (command === "close") {
    const closed = [...sessions.values()].map((socket) => once(socket, "close"));
    for (const socket of sessions.values()) socket.destroy();
    await Promise.all(closed);
  }
  return [...sessions.keys()];
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(line.split(" "))));
}
