import { readFile } from "node:fs/promises";
import { connect, type TLSSocket } from "node:tls";
import { controlService, enrollService, agentService } from "@afterpatch/wire/services";
import type { ClientIdentity } from "@afterpatch/wire/credentials";
import { Random } from "./random.ts";

/** Where frames go: a port, and as whom. */
export interface Target {
  readonly name: string;
  readonly port: number;
  readonly identity: ClientIdentity;
}

export interface FramesDone {
  readonly frames: number;
  readonly connections: number;
  readonly connectionsRefused: number;
  /** Resident memory of the controller after the first half, and at the end: bytes. */
  readonly rssBefore: number;
  readonly rssAfter: number;
}

const PER_CONNECTION = 120;
const AT_ONCE = 12;
/** What a server that still waits for more is given to say so. */
const PATIENCE_MS = 60;

/** What a client begins with (RFC 9113, 3.4); an empty SETTINGS frame follows. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** RFC 9113, 6. */
export const TYPES = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
};
const PATHS = [
  enrollService.enroll.path,
  controlService.listHosts.path,
  controlService.createToken.path,
  agentService.connect.path,
  "//x",
  "/a/b",
] as const;

/** Malformed HTTP/2 frames inside TLS, from all who may shake hands, until so many were sent. */
export async function malformedFrames(
  targets: readonly [Target, ...Target[]],
  pid: number,
  count: number,
  seed: number,
): Promise<FramesDone> {
  let [frames, connections, refused, rssBefore] = [0, 0, 0, 0];
  const worker = async (nth: number): Promise<void> => {
    const random = new Random(seed * 1_000 + nth);
    while (frames < count) {
      const sent = await oneConnection(random.pick(targets), random);
      connections += 1;
      if (sent === 0) refused += 1;
      frames += sent;
      if (rssBefore === 0 && frames > count / 2) rssBefore = await rssOf(pid);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, nth) => worker(nth)));
  return { frames, connections, connectionsRefused: refused, rssBefore, rssAfter: await rssOf(pid) };
}

/** Bytes; throws when there is no such process any more. */
export async function rssOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "latin1");
  return Number(/^VmRSS:\s+([0-9]+) kB/m.exec(status)?.[1]) * 1024;
}

/** How many frames were sent before the server had enough. */
async function oneConnection({ port, identity }: Target, random: Random): Promise<number> {
  const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ALPNProtocols: ["h2"], ...identity });
  socket.on("error", () => undefined); // an end is what is expected
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const isSecure = await Promise.race([
    new Promise<boolean>((resolve) => socket.once("secureConnect", () => resolve(true))),
    closed.then(() => false),
  ]);
  if (!isSecure) return 0;
  socket.resume();
  const sent = await talk(socket, random);
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
  socket.destroy();
  await closed;
  return sent;
}

async function talk(socket: TLSSocket, random: Random): Promise<number> {
  socket.write(random.next() < 0.97 ? PREFACE : random.damaged(PREFACE));
  if (random.next() < 0.97) socket.write(frame(TYPES.settings, 0, 0, Buffer.alloc(0)));
  let sent = 0;
  // In pieces, so that the server has looked at the first when the next comes; the wildest come last.
  for (let piece = 0; piece < 6 && !socket.destroyed; piece++) {
    const isTame = piece < 4;
    const frames = Array.from({ length: PER_CONNECTION / 6 }, () => anyFrame(random, isTame));
    sent += frames.length;
    await new Promise<void>((resolve) => socket.write(Buffer.concat(frames), () => resolve()));
  }
  return sent;
}

let nextStream = 1;

function anyFrame(random: Random, isTame: boolean): Buffer {
  nextStream = (nextStream + 2) % 0x7fffffff;
  const stream = random.next() < 0.7 ? nextStream | 1 : random.below(2 ** 31);
  switch (random.below(isTame ? 6 : 12)) {
    case 0:
      return call(stream, random, random.bytes(random.below(40)));
    case 1:
      return call(stream, random, grpcMessage(random.bytes(random.below(40)), random));
    case 2:
      return frame(TYPES.ping, random.below(2), 0, random.bytes(8));
    case 3:
      return frame(TYPES.priority, 0, stream, random.bytes(5));
    case 4:
      return frame(10 + random.below(246), random.below(256), stream, random.bytes(random.below(60))); // types that nobody knows
    case 5:
      return frame(TYPES.window, 0, 0, Buffer.from([0, 0, 0, 1 + random.below(200)]));
    case 6:
      return frame(TYPES.reset, 0, stream, random.bytes(4));
    case 7:
      return frame(TYPES.settings, random.below(2), 0, random.bytes(6 * random.below(8)));
    case 8:
      return frame(TYPES.continuation, random.below(256), stream, random.bytes(random.below(200)));
    case 9:
      return frame(TYPES.headers, random.below(256), stream, random.bytes(random.below(200)));
    case 10:
      return frame(random.below(10), random.below(256), random.below(2 ** 31), random.bytes(random.below(300)));
    default:
      return random.damaged(call(stream, random, Buffer.alloc(20)));
  }
}

/** HEADERS and DATA of a gRPC call with a damaged body. */
function call(stream: number, random: Random, body: Buffer): Buffer {
  const path = random.pick(PATHS);
  const pairs: [string, string][] = [
    [":method", "POST"],
    [":scheme", "https"],
    [":path", random.next() < 0.8 ? path : random.damaged(Buffer.from(path)).toString("latin1")],
    [":authority", "localhost"],
    ["content-type", random.next() < 0.8 ? "application/grpc" : "text/html"],
    ["te", "trailers"],
    ["grpc-encoding", random.pick(["identity", "gzip", "deflate", "x"])],
    ["x-long", "v".repeat(random.below(400))],
  ];
  const block = Buffer.concat(pairs.map(([name, value]) => literal(name, value)));
  const headers = frame(TYPES.headers, 0x4, stream, random.next() < 0.9 ? block : random.damaged(block));
  return Buffer.concat([headers, frame(TYPES.data, 0x1, stream, body)]);
}

/** Length-prefixed as gRPC has it, or with another length. */
function grpcMessage(body: Buffer, random: Random): Buffer {
  const head = Buffer.alloc(5);
  head[0] = random.below(3);
  head.writeUInt32BE(random.next() < 0.7 ? body.length : random.below(2 ** 32), 1);
  return Buffer.concat([head, body]);
}

/** A header field never indexed, in plain octets (RFC 7541, 6.2.3). */
export function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x10]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const rest = bytes.length - 127;
  const length = rest < 128 ? [127, rest] : [127, (rest & 127) | 128, rest >> 7];
  return Buffer.concat([Buffer.from(length), bytes]);
}

export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}
