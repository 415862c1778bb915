import type { ChainVerdict } from "@afterpatch/wire/audit";
import { type Audit, audit, CONTROLLER, record, verifyAudit } from "./audit.ts";
import { type Events, events, leaveGap } from "./events.ts";
import { type Enrolment, enrolment } from "./enrolment.ts";
import type { StoreError } from "./errors.ts";
import { type HistoryStore, history } from "./history.ts";
import { type HoldStore, holds } from "./holds.ts";
import { type NoticeStore, notices } from "./notices.ts";
import { type Figures, figures } from "./figures.ts";
import { type Hosts, hosts } from "./hosts.ts";
import { type Access, access, type Operators, operators } from "./operators.ts";
import { type PresenceStore, presence } from "./presence.ts";
import { type OldCodeStore, oldCode } from "./old-code.ts";
import type { RolloutStore } from "./rollout-store.ts";
import { rollouts } from "./rollouts.ts";
import { beginEpoch, readEpoch, readSettings, setEpoch, type Settings, writeSettings } from "./settings.ts";
import { type Connection, createDatabase, openDatabase } from "./sqlite.ts";
import { type Renewals, renewals } from "./renewals.ts";
import { SCHEMA_VERSION } from "./schema.ts";
import { type ToldStore, told } from "./told.ts";
import { prune, type Retention } from "./pruning.ts";
import { endTokens, type Tokens, tokens } from "./tokens.ts";

/** Everything the controller keeps. What a function here has answered is on the disk. */
export interface Store {
  readonly settings: Settings;
  readonly hosts: Hosts;
  readonly tokens: Tokens;
  readonly enrolment: Enrolment;
  readonly operators: Operators;
  readonly access: (now: () => number) => Access;
  readonly renewals: Renewals;
  readonly rollouts: RolloutStore;
  readonly holds: HoldStore;
  readonly notices: NoticeStore;
  readonly presence: PresenceStore;
  readonly events: Events;
  readonly told: ToldStore;
  readonly history: HistoryStore;
  readonly oldCode: OldCodeStore;
  /** See pruning.ts. */
  prune(now: number, keep: Retention): Promise<number>;
  readonly audit: Audit;
  readonly figures: Figures;
  /** Copies the store to a new file, readable by its owner alone, while it is used. */
  copy(to: string): Promise<void>;
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

/**
 * Opens the store for one controller and begins its epoch at `now`. Throws StoreError. `whenBroken`: the disk failed, and
 * nothing is written any more.
 */
export async function openStore(
  path: string,
  now: number,
  whenBroken: (error: StoreError) => void = () => {},
): Promise<OpenedStore> {
  const db = openDatabase(path);
  db.whenBroken = whenBroken;
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
    access: (current) => access(db, current),
    renewals: renewals(db),
    rollouts: rollouts(db),
    holds: holds(db),
    notices: notices(db),
    presence: presence(db),
    events: events(db),
    told: told(db),
    history: history(db),
    oldCode: oldCode(db),
    prune: (now, keep) => prune(db, now, keep),
    audit: audit(db),
    figures: figures(db),
    copy: (to) => db.copy(to),
    close: async () => db.close(),
  };
}

/** Copies a store that no controller has open to a new file. Throws StoreError. */
export async function copyStore(path: string, to: string): Promise<void> {
  const db = openDatabase(path);
  try {
    await db.copy(to);
  } finally {
    db.close();
  }
}

/** What a copy of a store is, looked at without becoming its controller. */
export interface StoreFacts {
  readonly version: number;
  readonly epoch: number;
  readonly audit: ChainVerdict;
  readonly hosts: number;
}

/** Checks a store file as a whole. Throws StoreError; the file is brought to this program's version first. */
export async function inspectStore(path: string): Promise<StoreFacts> {
  const db = openDatabase(path);
  try {
    const version = db.migratedFrom ?? SCHEMA_VERSION;
    const hosts = Number(db.prepare("SELECT count(*) AS n FROM hosts WHERE state <> 'revoked'").get()?.n);
    return { version, epoch: readEpoch(db), audit: verifyAudit(db), hosts };
  } finally {
    db.close();
  }
}

/**
 * Makes a copy of an older store the one to go on with: agents believe its epoch, whatever they have seen since the copy was
 * made, and nothing begins before a person has looked, for what was ordered and revoked since is not in it.
 */
export async function reviveStore(path: string, from: object, now: number): Promise<void> {
  const db = openDatabase(path);
  try {
    const by = { actor: CONTROLLER, at: now };
    db.transaction(() => {
      // Restored twice from one copy: the later one has the larger epoch, for there are fewer starts than seconds.
      setEpoch(db, Math.max(readEpoch(db) + 1, Math.floor(now / 1000)));
      leaveGap(db);
      record(db, by, "controller.restore", "", from);
      // They may have been used, burnt or revoked since the copy was made.
      endTokens(db, { ...by, reason: "restored from a backup" });
      db.prepare("UPDATE readmissions SET approved_by = NULL, approved_at = NULL").run();
    });
    const reason = "restored from a backup: look at 'afterpatch rollout list' and 'audit list', then thaw";
    await holds(db).setFreeze({ actor: "restore", reason, since: now, until: null }, by);
  } finally {
    db.close();
  }
}
