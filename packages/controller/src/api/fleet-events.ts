import { drained, type Handlers, serverStream } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import type { Events, FleetEvent } from "../store/events.ts";
import { refused } from "./refuse.ts";

type Control = Handlers<typeof controlService>;
type Request = Parameters<Control["watchEvents"]>[0]["request"];
export type FleetEventCalls = "watchEvents";

/** So many are read at once: whoever reads slowly has no more than these in the controller's memory. */
const PAGE = 500;

/** The events of the fleet, from where the caller had got to. */
export function fleetEventHandlers(events: Events): Pick<Control, FleetEventCalls> {
  return {
    watchEvents: serverStream(async (request, stream) => {
      let position = await beginning(events, request);
      const news = new News();
      stream.on("cancelled", () => news.end());
      stream.on("close", () => news.end());
      const unwatch = events.watch(() => news.tell());
      try {
        const firstKept = await events.oldest();
        stream.write({ events: [], position, firstKept });
        while (!news.isOver) {
          news.begin();
          const page = await events.after(position, PAGE);
          position = page.at(-1)?.seq ?? position;
          if (page.length > 0) {
            stream.write({ events: page.filter((event) => isWanted(event, request)).map(toWire), position, firstKept });
            await drained(stream);
          } else if (request.follow) await news.next();
          else return;
        }
      } finally {
        unwatch();
      }
    }),
  };
}

async function beginning(events: Events, { since, sinceAt, fromNow }: Request): Promise<number> {
  if ([since > 0, sinceAt > 0, fromNow].filter(Boolean).length > 1)
    throw refused("bad-argument", "more than one beginning is given; give one");
  const last = await events.last();
  if (fromNow) return last;
  if (sinceAt > 0) return events.before(sinceAt);
  if (since <= last) return since;
  const why = `event ${since} is not of this controller, whose last one is ${last}`;
  throw refused("bad-argument", `${why}; begin with --since and a time`);
}

function isWanted({ rolloutId, hostId, host }: FleetEvent, request: Request): boolean {
  if (request.rolloutId !== "" && request.rolloutId !== rolloutId) return false;
  return request.host === "" || request.host === hostId || request.host.toLowerCase() === host?.toLowerCase();
}

function toWire(event: FleetEvent) {
  const { seq, at, type, hostId, host, rolloutId, actor, body } = event;
  const words = { hostId: hostId ?? "", host: host ?? "", rolloutId: rolloutId ?? "", actor: actor ?? "" };
  return { seq, at, type, ...words, body };
}

/** Whether there is more to read; nothing that is told between two looks is missed. */
class News {
  isOver = false;
  #told = Promise.withResolvers<void>();

  begin(): void {
    this.#told = Promise.withResolvers<void>();
  }

  tell(): void {
    this.#told.resolve();
  }

  next(): Promise<void> {
    return this.#told.promise;
  }

  end(): void {
    this.isOver = true;
    this.tell();
  }
}
