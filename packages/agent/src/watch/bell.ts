import { type FSWatcher, statSync, watch } from "node:fs";
import { codeOf } from "../host/read.ts";
import type { Clock } from "../ports.ts";
import type { Place } from "./places.ts";

/** Wakes whoever waits when the kernel tells of a change, see inotify(7). It tells of some only: who waits looks again anyway. */
export class Bell {
  readonly #clock: Clock;
  /** Said once: the kernel tells of nothing in this folder. */
  readonly #deaf: (folder: string, code: string) => void;
  readonly #watched = new Map<string, { readonly watcher: FSWatcher; readonly inode: bigint }>();
  readonly #said = new Set<string>();
  #isRung = false;
  #wake: () => void = () => {};

  constructor(clock: Clock, deaf: (folder: string, code: string) => void) {
    this.#clock = clock;
    this.#deaf = deaf;
  }

  /** Resolves after `ms`, or when something has changed in one of these places since the last call. */
  async wait(places: readonly Place[], ms: number, signal: AbortSignal): Promise<void> {
    this.#hang(places);
    const rung = new AbortController();
    this.#wake = () => rung.abort();
    if (this.#isRung) rung.abort();
    try {
      await this.#clock.sleep(ms, AbortSignal.any([signal, rung.signal]));
    } catch (error) {
      if (signal.aborted || !rung.signal.aborted) throw error;
    } finally {
      this.#wake = () => {};
      this.#isRung = false;
    }
  }

  close(): void {
    for (const folder of [...this.#watched.keys()]) this.#drop(folder);
  }

  /** A folder that was removed and made anew is another one: the kernel tells of the old one only. */
  #hang(places: readonly Place[]): void {
    const wanted = new Map(places.map((place) => [place.folder, place]));
    for (const folder of [...this.#watched.keys()]) if (!wanted.has(folder)) this.#drop(folder);
    for (const place of wanted.values()) {
      const inode = inodeOf(place.folder);
      const known = this.#watched.get(place.folder);
      if (known && known.inode === inode) continue;
      this.#drop(place.folder);
      if (inode !== null) this.#listen(place, inode);
    }
  }

  #listen({ folder, files }: Place, inode: bigint): void {
    const failed = (error: unknown): void => {
      this.#drop(folder);
      if (!this.#said.has(folder)) this.#deaf(folder, codeOf(error));
      this.#said.add(folder);
    };
    try {
      const watcher = watch(folder, { persistent: false }, (_event, file) => {
        if (files !== null && file !== null && !files.includes(file)) return;
        this.#isRung = true;
        this.#wake();
      });
      watcher.on("error", failed);
      this.#watched.set(folder, { watcher, inode });
    } catch (error) {
      failed(error); // ENOSPC: no more watches for this user, EMFILE: no more instances
    }
  }

  #drop(folder: string): void {
    this.#watched.get(folder)?.watcher.close();
    this.#watched.delete(folder);
  }
}

function inodeOf(folder: string): bigint | null {
  try {
    return statSync(folder, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
  } catch (error) {
    codeOf(error); // not ours to see: no bell, and the look says so
    return null;
  }
}
