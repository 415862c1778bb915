// One TCP session as a process of its own, started by session.ts: it ends when the server or its starter closes.
// usage: session-client.ts ADDRESS PORT LOCAL-PORT   LOCAL-PORT: 0 for any
import { connect } from "node:net";

const [address = "", port = "", localPort = ""] = process.argv.slice(2);
const socket = connect({ host: address, port: Number(port), localPort: Number(localPort) });
process.stdin.on("end", () => socket.destroy());
process.stdin.pipe(socket, { end: false });
socket.pipe(process.stdout);
socket.on("end", () => process.exit(0));
socket.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
socket.on("close", () => process.exit(0));
