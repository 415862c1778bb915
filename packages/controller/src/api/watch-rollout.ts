import { isClosed } from "@afterpatch/core/rollout/transitions";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { rolloutToWire } from "@afterpatch/wire/convert/rollout";
import { type Handlers, newestOnly, serverStream } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import type { Durations } from "../rollouts/durations.ts";
import type { RolloutEngine } from "../rollouts/engine.ts";
import type { BudgetApiDeps } from "./budgets.ts";
import { Outlooks } from "./outlook.ts";
import { refused, refusing } from "./refuse.ts";

type Watch = Handlers<typeof controlService>["watchRollout"];

/** A rollout now, after each change, and from time to time how it goes on, until it has ended. */
export function watchHandler(deps: Omit<BudgetApiDeps, "hosts">, durations: Pick<Durations, "last">): Watch {
  const { engine } = deps;
  const outlooks = new Outlooks(deps, () => durations.last());
  return serverStream(async ({ id }, stream) => {
    const ended = Promise.withResolvers<void>();
    // Before anything is waited for: who leaves meanwhile is not heard of again.
    stream.on("cancelled", () => ended.resolve());
    const rolloutId = (await found(engine, id)).plan.id; // the newest one may be another later
    const shared = await outlooks.join(rolloutId);
    let again: NodeJS.Timeout | undefined;
    let isOver = false;
    const tell = newestOnly(stream, (view: RolloutView): void => {
      if (isOver) return; // a view that was under way when who watches left
      const { outlook, againMs } = shared.of(view);
      stream.write({ ...rolloutToWire(view), outlook });
      clearTimeout(again);
      again = setTimeout(() => void engine.view(rolloutId).then(tell, () => ended.resolve()), againMs);
      if (isClosed(view.state)) ended.resolve();
    });
    const unwatch = engine.watch(rolloutId, tell);
    try {
      if (!stream.cancelled) tell(await engine.view(rolloutId));
      if (!stream.cancelled) await ended.promise;
    } finally {
      isOver = true;
      clearTimeout(again);
      unwatch();
      outlooks.leave(rolloutId, shared);
    }
  });
}

/** The rollout with this id, or the newest where it is empty. */
export async function found(engine: RolloutEngine, id: string): Promise<RolloutView> {
  if (id !== "") return refusing(() => engine.view(id));
  const [newest] = await engine.recent(1);
  if (!newest) throw refused("not-found", "there is no rollout yet");
  return newest;
}
