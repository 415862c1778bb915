/** How much of the journal is on the disk for certain, followed through the lines of `strace -f -y`. */
export class SyncedLength {
  readonly #file: string;
  readonly #pending = new Map<string, string>();
  #main: Length;
  #next: Length = { written: 0, synced: 0 };

  /** `bytes`: the length when the run begins, all of it synced. */
  constructor(file: string, bytes: number) {
    this.#file = file;
    this.#main = { written: bytes, synced: bytes };
  }

  get bytes(): number {
    return this.#main.synced;
  }

  hear(line: string): void {
    const call = this.#whole(line);
    const match = call && /^(\w+)\((.*)\) += (-?\d+)/.exec(call);
    if (!match) return;
    const [, name, args = "", result] = match;
    if (Number(result) < 0) return;
    const file = /^\d+<([^>]*)>/.exec(args)?.[1];
    if (name === "rename") this.#rename(args);
    else if (file === this.#file) this.#main = followed(this.#main, name, Number(result), args);
    else if (file === `${this.#file}.new`) this.#next = followed(this.#next, name, Number(result), args);
  }

  #rename(args: string): void {
    if (!args.startsWith(`"${this.#file}.new"`)) return;
    this.#main = this.#next;
    this.#next = { written: 0, synced: 0 };
  }

  /** `PID CALL(...) = RESULT`, put together again where another thread's line lies between. */
  #whole(line: string): string | null {
    const [, pid = "", said = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const unfinished = said.indexOf(" <unfinished ...>");
    if (unfinished >= 0) {
      this.#pending.set(pid, said.slice(0, unfinished));
      return null;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(said);
    if (!resumed) return said;
    const start = this.#pending.get(pid) ?? "";
    this.#pending.delete(pid);
    return start + resumed[1];
  }
}

interface Length {
  readonly written: number;
  readonly synced: number;
}

function followed(length: Length, name: string | undefined, result: number, args: string): Length {
  switch (name) {
    case "write":
      return { ...length, written: length.written + result };
    case "ftruncate": {
      const bytes = Number(/, (\d+)$/.exec(args)?.[1]);
      return { written: bytes, synced: Math.min(length.synced, bytes) };
    }
    case "fsync":
    case "fdatasync":
      return { ...length, synced: length.written };
    default:
      return length;
  }
}
