import { EventEmitter } from "node:events";
import * as grpc from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ignoreDestroyedStreams } from "./destroyed-streams.ts";

/** A stream as node:http2 gives it to a server: it throws when it is answered too late. */
class FakeStream extends EventEmitter {
  destroyed = false;
  closed = false;
  readonly session = {};
  readonly answers: unknown[] = [];

  respond(headers: unknown): void {
    if (this.destroyed || this.closed) throw new Error("ERR_HTTP2_INVALID_STREAM");
    this.answers.push(headers);
  }
}

type Handler = (interceptors: readonly unknown[], stream: FakeStream, headers: object) => void;
const NOBODY = { ":path": "/nothing/Here", "content-type": "application/grpc" };
const OTHER = { ":path": "/nothing/Here", "content-type": "text/html" };

/** What the real server does with a stream. */
function handlerOf(isGuarded: boolean): Handler {
  const server = new grpc.Server({ "grpc.enable_channelz": 0 });
  if (isGuarded) ignoreDestroyedStreams(server);
  const { _streamHandler: handler } = server as unknown as { _streamHandler: Handler }; // private to TypeScript alone
  return handler.bind(server);
}

test.each([NOBODY, OTHER])(
  "a stream that has ended is not answered, by which the real server throws: %j",
  (headers) => {
    for (const end of ["destroyed", "closed"] as const) {
      const stream = Object.assign(new FakeStream(), { [end]: true });
      expect(() => handlerOf(false)([], stream, headers)).toThrow("ERR_HTTP2_INVALID_STREAM");
      handlerOf(true)([], stream, headers);
      expect(stream.emit("error", new Error("late"))).toBe(true); // heard by somebody, or it would end the process
    }
  },
);

test("one that lives is answered as before, and no more once it has ended", () => {
  for (const headers of [NOBODY, OTHER]) {
    const stream = new FakeStream();
    handlerOf(true)([], stream, headers);
    expect(stream.answers).toHaveLength(1);
    stream.destroyed = true;
    stream.respond({});
    expect(stream.answers).toHaveLength(1);
  }
});

test("a grpc-js in which there is nothing to guard is noticed when the server is made", () => {
  expect(() => ignoreDestroyedStreams({} as grpc.Server)).toThrow("has no _streamHandler any more");
});
