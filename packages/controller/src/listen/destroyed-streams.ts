import type * as grpc from "@grpc/grpc-js";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

type StreamHandler = (interceptors: unknown, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/**
 * Keeps a server from answering on streams that the peer has ended already. grpc-js 1.14.7 does (`_respondWithError`,
 * `_verifyContentType`), and what node:http2 throws then ends the whole process: a stranger could stop the controller with
 * a RST_STREAM right behind HEADERS of a method that is not there. To be called before anything is connected to the server.
 */
export function ignoreDestroyedStreams(server: grpc.Server): void {
  const inner = server as unknown as { _streamHandler?: StreamHandler }; // private to TypeScript alone
  const handler = inner._streamHandler;
  if (!handler)
    throw new Error("grpc-js has no _streamHandler any more: see whether it guards destroyed streams itself");
  inner._streamHandler = function (this: grpc.Server, interceptors, stream, headers) {
    if (isOver(stream)) {
      stream.on("error", () => undefined); // it is in a bad state; its close event says the rest
      return;
    }
    const respond = stream.respond.bind(stream);
    stream.respond = (...args) => {
      if (!isOver(stream)) respond(...args);
    };
    handler.call(this, interceptors, stream, headers);
  };
}

function isOver(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}
