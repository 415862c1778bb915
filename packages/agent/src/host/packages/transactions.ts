import { join } from "node:path";
import { aptTransaction } from "@afterpatch/core/packages/apt-history";
import type { Transaction } from "@afterpatch/core/packages/transaction";
import { zyppTransaction } from "@afterpatch/core/packages/zypp-history";
import type { FoundTransaction } from "@afterpatch/core/scan";
import { redact, textOfBytes } from "@afterpatch/core/text";
import { type Allowance, allowance } from "./bytes.ts";
import { localInstant, MOST_LOGS, readLog } from "./logs.ts";

export interface Installed {
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
  /** Epoch milliseconds. */
  readonly installedAt: number;
}

/** Which run of a package manager installed a package, by the logs in `folder`; each part of a log is read once. */
export function transactionsIn(folder: string): (of: Installed) => FoundTransaction | null {
  const allowed = allowance();
  const apt = partsOf(join(folder, "apt/history.log"), allowed);
  const zypp = partsOf(join(folder, "zypp/history"), allowed);
  return (of) => {
    for (const text of apt()) {
      const found = aptTransaction(text, of, localInstant);
      if (found !== null) return shown(found);
    }
    const [newest = ""] = zypp();
    const found = zyppTransaction(newest, of, localInstant);
    return found === null ? null : shown(found);
  };
}

/** Parts of a log, newest first, as far as they are asked for. */
function partsOf(path: string, allowed: Allowance): () => Iterable<string> {
  const parts: string[] = [];
  let isEnd = false;
  return function* () {
    for (let age = 0; age < MOST_LOGS; age++) {
      if (age >= parts.length && !isEnd) {
        const part = readLog(path, age, allowed);
        if (part === null) isEnd = true;
        else parts.push(part.text);
      }
      const text = parts[age];
      if (text === undefined) return;
      yield text;
    }
  };
}

function shown({ tool, startedAt, argv, user }: Transaction): FoundTransaction {
  const command = argv.length === 0 ? null : redact(argv.map(textOfBytes));
  return { tool, startedAt, command, user: user && textOfBytes(user) };
}
