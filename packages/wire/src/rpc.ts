import * as grpc from "@grpc/grpc-js";

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}
interface MethodInfo {
  readonly path: string;
  readonly requestType: string;
  readonly responseType: string;
  readonly requestStream: true | undefined;
  readonly responseStream: true | undefined;
}
type Message<C> = C extends { decode(...args: never[]): infer T } ? T : never;
type Flag<T> = T extends true ? true : false;

export interface Rpc<Req, Res, ReqStream extends boolean, ResStream extends boolean>
  extends grpc.MethodDefinition<Req, Res> {
  readonly requestStream: ReqStream;
  readonly responseStream: ResStream;
}

/** The methods of generated service `S`, whose messages live in namespace `M`. */
export type Definition<S, M> = {
  readonly [K in keyof S as S[K] extends MethodInfo ? K : never]: S[K] extends MethodInfo
    ? Rpc<
        Message<M[S[K]["requestType"] & keyof M]>,
        Message<M[S[K]["responseType"] & keyof M]>,
        Flag<S[K]["requestStream"]>,
        Flag<S[K]["responseStream"]>
      >
    : never;
};

/** The handler object a grpc-js server needs for a definition. */
export type Handlers<D> = {
  [K in keyof D]: D[K] extends Rpc<infer Req, infer Res, true, true>
    ? grpc.handleBidiStreamingCall<Req, Res>
    : D[K] extends Rpc<infer Req, infer Res, false, true>
      ? grpc.handleServerStreamingCall<Req, Res>
      : D[K] extends Rpc<infer Req, infer Res, true, false>
        ? grpc.handleClientStreamingCall<Req, Res>
        : D[K] extends Rpc<infer Req, infer Res, false, false>
          ? grpc.handleUnaryCall<Req, Res>
          : never;
};

/** Builds the grpc-js definition of a generated service. Throws when a message lies outside the service's package. */
export function define<S, M extends object>(service: { prototype: S }, messages: M): Definition<S, M> {
  // The generated code keeps codecs and method descriptions as plain properties that its types only name one by one.
  const codecs = messages as Record<string, Codec<unknown>>;
  const methods = Object.entries(service.prototype as Record<string, MethodInfo>);
  return Object.fromEntries(
    methods.map(([name, info]) => [name, rpc(info, codecs[info.requestType], codecs[info.responseType])]),
  ) as Definition<S, M>; // built from the same descriptions that the type is computed from
}

function rpc(info: MethodInfo, request: Codec<unknown> | undefined, response: Codec<unknown> | undefined) {
  if (!request || !response) throw new Error(`${info.path}: message outside the service's package`);
  return {
    path: info.path,
    requestStream: info.requestStream === true,
    responseStream: info.responseStream === true,
    requestSerialize: (m: unknown) => asBuffer(request.encode(m).finish()),
    requestDeserialize: (b: Buffer) => request.decode(b),
    responseSerialize: (m: unknown) => asBuffer(response.encode(m).finish()),
    responseDeserialize: (b: Buffer) => response.decode(b),
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Calls a unary method. Rejects with grpc.ServiceError. `deadlineMs` is from now. */
export function call<Req, Res>(
  client: grpc.Client,
  method: Rpc<Req, Res, false, false>,
  request: Req,
  deadlineMs: number,
): Promise<Res> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      { deadline: Date.now() + deadlineMs },
      (error, response) => {
        if (error) reject(error);
        else if (response === undefined) reject(new Error(`${method.path}: no answer`));
        else resolve(response);
      },
    );
  });
}

/** Opens a bidirectional stream. */
export function open<Req, Res>(
  client: grpc.Client,
  method: Rpc<Req, Res, true, true>,
): grpc.ClientDuplexStream<Req, Res> {
  return client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize);
}

/** Opens a server stream. */
export function follow<Req, Res>(
  client: grpc.Client,
  method: Rpc<Req, Res, false, true>,
  request: Req,
): grpc.ClientReadableStream<Res> {
  return client.makeServerStreamRequest(method.path, method.requestSerialize, method.responseDeserialize, request);
}

/**
 * What a stream receives, typed (grpc-js declares `any`), until either side closes it. Leaving the loop keeps it
 * writable. The end of the loop is the end of the session; `stream.cancelled` turns true only later.
 */
export async function* received<T>(
  stream: grpc.ServerDuplexStream<T, never> | grpc.ClientDuplexStream<never, T> | grpc.ClientReadableStream<T>,
): AsyncGenerator<T, void> {
  try {
    yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<T>; // the stream's own deserializer made T
  } catch (error) {
    // Node reports a stream we ended ourselves, or the peer cancelled, as an error.
    if (!(error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE")) throw error;
  }
}

/** The writing half of a stream. */
export interface Outgoing<T> {
  readonly writableNeedDrain: boolean;
  write(message: T): boolean;
  on(event: "drain" | "close", listener: () => void): unknown;
  off(event: "drain" | "close", listener: () => void): unknown;
}

/**
 * Resolves when the peer has read enough that more may be written, or has gone. Whoever awaits this before the next
 * message is read holds up a peer that sends and does not read, instead of keeping its answers in memory without end.
 */
export function drained(stream: Outgoing<never>): Promise<void> {
  if (!stream.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ["drain", "close"] as const) stream.off(event, done);
      resolve();
    };
    for (const event of ["drain", "close"] as const) stream.on(event, done);
  });
}

/** Writes snapshots no faster than they are read: of those that come in between only the newest is written. */
export function newestOnly<T>(stream: Outgoing<never>, write: (snapshot: T) => void): (snapshot: T) => void {
  let held: { readonly snapshot: T } | null = null;
  let isWaiting = false;
  const put = (snapshot: T): void => {
    if (isWaiting) {
      held = { snapshot };
      return;
    }
    write(snapshot);
    if (!stream.writableNeedDrain) return;
    isWaiting = true;
    void drained(stream).then(() => {
      isWaiting = false;
      const newest = held;
      held = null;
      if (newest) put(newest.snapshot);
    });
  };
  return put;
}

/** Adapts an async function to a unary handler. */
export function unary<Req, Res>(
  handler: (request: Req, call: grpc.ServerUnaryCall<Req, Res>) => Promise<Res>,
): grpc.handleUnaryCall<Req, Res> {
  return (call, callback) => {
    started(() => handler(call.request, call)).then(
      (response) => callback(null, response),
      (error: unknown) => callback(toStatus(error)),
    );
  };
}

/** Adapts an async function to a bidirectional handler; the stream ends when it returns or throws. */
export function duplex<Req, Res>(
  handler: (stream: grpc.ServerDuplexStream<Req, Res>) => Promise<void>,
): grpc.handleBidiStreamingCall<Req, Res> {
  return (stream) => {
    started(() => handler(stream)).then(
      () => stream.end(),
      (error: unknown) => stream.emit("error", toStatus(error)),
    );
  };
}

/** Adapts an async function to a server-streaming handler; the stream ends when it returns or throws. */
export function serverStream<Req, Res>(
  handler: (request: Req, stream: grpc.ServerWritableStream<Req, Res>) => Promise<void>,
): grpc.handleServerStreamingCall<Req, Res> {
  return (stream) => {
    started(() => handler(stream.request, stream)).then(
      () => stream.end(),
      (error: unknown) => stream.emit("error", toStatus(error)),
    );
  };
}

/** A handler that throws before it returns its promise is one whose promise rejects. */
async function started<T>(handler: () => Promise<T>): Promise<T> {
  return handler();
}

/** Key of the trailing metadata with afterpatch's own machine-readable code. */
export const CODE_KEY = "afterpatch-code";

/** A refusal that reaches the caller word for word; every other error reaches it as INTERNAL, its `cause` stays here. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly status: grpc.status;
  readonly code: string;
  constructor(status: grpc.status, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}

function toStatus(error: unknown): grpc.StatusObject & { name: string; message: string; cause?: unknown } {
  const metadata = new grpc.Metadata();
  if (!(error instanceof RpcError)) {
    const details = "internal error";
    return { name: "Error", message: details, code: grpc.status.INTERNAL, details, metadata, cause: error };
  }
  metadata.set(CODE_KEY, error.code);
  return { name: error.name, message: error.message, code: error.status, details: error.message, metadata };
}
