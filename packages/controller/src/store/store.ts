import { type Audit, audit } from "./audit.ts";
import { type Enrolment, enrolment } from "./enrolment.ts";
import { type HoldStore, holds } from "./holds.ts";
import { type NoticeStore, notices } from "./notices.ts";
import { type Hosts, hosts } from "./hosts.ts";
import { type Access, access, type Operators, operators } from "./operators.ts";
import type { RolloutStore } from "./rollout-store.ts";
import { rollouts } from "./rollouts.ts";
import { beginEpoch, readSettings, type Settings, writeSettings } from "./settings.ts";
import { type Connection, createDatabase, openDatabase } from "./sqlite.ts";
import { type Renewals, renewals } from "./renewals.ts";
import { type Tokens, tokens } from "./tokens.ts";

/** Everything the controller keeps. What a function here has answered is on the disk. */
export interface Store {
  readonly settings: Settings;
  readonly hosts: Hosts;
  readonly tokens: Tokens;
  readonly enrolment: Enrolment;
  readonly operators: Operators;
  readonly access: Access;
  readonly renewals: Renewals;
  readonly rollouts: RolloutStore;
  readonly holds: HoldStore;
  readonly notices: NoticeStore;
  readonly audit: Audit;
  close(): Promise<void>;
}

/** Makes the store of a new controller. Throws StoreError. */
export async function createStore(path: string, settings: Settings): Promise<Store> {
  const db = createDatabase(path);
  writeSettings(db, settings);
  return store(db);
}

export interface OpenedStore extends Store {
  readonly epoch: number;
  /** Version of the store before, where it was an older one. */
  readonly migratedFrom: number | null;
}

/** Opens the store for one controller and begins its epoch at `now`. Throws StoreError. */
export async function openStore(path: string, now: number): Promise<OpenedStore> {
  const db = openDatabase(path);
  try {
    const epoch = beginEpoch(db, now);
    return { ...store(db), epoch, migratedFrom: db.migratedFrom };
  } catch (error) {
    db.close();
    throw error;
  }
}

function store(db: Connection): Store {
  return {
    settings: readSettings(db),
    hosts: hosts(db),
    tokens: tokens(db),
    enrolment: enrolment(db),
    operators: operators(db),
    access: access(db),
    renewals: renewals(db),
    rollouts: rollouts(db),
    holds: holds(db),
    notices: notices(db),
    audit: audit(db),
    close: async () => db.close(),
  };
}
