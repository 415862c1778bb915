// What one scan found, without what no question over a fleet asks for (process ids, times, commands): hosts of one kind then say
// the same, word for word, and are kept and answered for together.
import { globMatcher } from "./glob.ts";
import { type Filter, libraryMatcher } from "../plan/filter.ts";
import { unitMatcher } from "../policy/narrow.ts";
import { strongest } from "../detect/verdict.ts";
import * as shape from "../scan-shape.ts";
import {
  type Finding,
  type FindingKind,
  type FoundFile,
  type Owner,
  type Remedy,
  SCAN_SCHEMA,
  type Scan,
  type Verdict,
} from "../scan.ts";

/** Processes of one owner that run one program. */
export interface OldCodeUser {
  readonly kind: FindingKind;
  readonly owner: Owner;
  /** Null of kernel and microcode. */
  readonly program: string | null;
  readonly remedy: Pick<Remedy, "kind" | "target" | "automatic">;
}

/** A file of which old code runs. */
export interface OldCodeFile {
  readonly path: string;
  readonly kind: FoundFile["kind"];
  readonly package: { readonly name: string; readonly from: string | null; readonly to: string | null } | null;
  /** As in a scan: null where no changelog could tell. */
  readonly cves: readonly string[] | null;
}

export interface OldCode {
  readonly users: readonly OldCodeUser[];
  readonly files: readonly OldCodeFile[];
  /** Which user runs old code of which file, and how sure that is: indices of the lists above. */
  readonly uses: readonly (readonly [user: number, file: number, verdict: Verdict])[];
  /** There were more uses than are kept. */
  readonly isCut: boolean;
}

/** More than any host has that one can still work on. */
const MOST_USES = 5_000;
const LONGEST = 1_000;

/** How many findings are looked at in one go. */
const AT_ONCE = 100;

/**
 * Of an untrusted `afterpatch.scan/v1`, a part at a time: between two of them others may have their turn. Throws an Error that names the first
 * field that is not as it should be.
 */
export function* oldCodeIn(value: unknown): Generator<void, OldCode> {
  const scan = shape.record(value, "scan");
  if (scan.schema !== SCAN_SCHEMA) throw new Error(`schema: expected ${JSON.stringify(SCAN_SCHEMA)}`);
  const findings = shape.list(scan.findings, "findings", shape.MANY, (item) => item);
  const gathered = new Gathered();
  for (let from = 0; from < findings.length; from += AT_ONCE) {
    if (from > 0) yield;
    findings.slice(from, from + AT_ONCE).forEach((finding, nth) => {
      gathered.add(shape.finding(finding, `findings[${from + nth}]`));
    });
  }
  return gathered.all();
}

/** At once. */
export function oldCodeOf(scan: Scan): OldCode {
  const gathered = new Gathered();
  for (const finding of scan.findings) gathered.add(finding);
  return gathered.all();
}

class Gathered {
  readonly #users = new Map<string, OldCodeUser>();
  readonly #files = new Map<string, OldCodeFile>();
  readonly #uses = new Map<string, Map<string, Verdict>>();
  #count = 0;
  #isCut = false;

  add(finding: Finding): void {
    const user = userOf(finding);
    const userKey = JSON.stringify(user);
    const uses = this.#uses.get(userKey) ?? new Map<string, Verdict>();
    for (const found of finding.files) {
      if (found.verdict === "identical") continue;
      const { path, kind, package: of, cves } = found;
      const fileKey = JSON.stringify([path, kind, of?.name, of?.from, of?.to, cves?.length]);
      const before = uses.get(fileKey);
      if (before === undefined && this.#count === MOST_USES) {
        this.#isCut = true;
        continue;
      }
      if (before === undefined) this.#count += 1;
      this.#users.set(userKey, user);
      this.#uses.set(userKey, uses);
      if (!this.#files.has(fileKey)) this.#files.set(fileKey, fileOf(found));
      uses.set(fileKey, before === undefined ? found.verdict : strongest([before, found.verdict]));
    }
  }

  all(): OldCode {
    return indexed(this.#users, this.#files, this.#uses, this.#isCut);
  }
}

/** In an order that depends on what is said alone. */
function indexed(
  users: ReadonlyMap<string, OldCodeUser>,
  files: ReadonlyMap<string, OldCodeFile>,
  uses: ReadonlyMap<string, ReadonlyMap<string, Verdict>>,
  isCut: boolean,
): OldCode {
  const inOrder = <T>(all: ReadonlyMap<string, T>) => [...all].sort(([a], [b]) => (a < b ? -1 : 1));
  const [userList, fileList] = [inOrder(users), inOrder(files)];
  const fileAt = new Map(fileList.map(([key], at) => [key, at]));
  const list = userList.flatMap(([userKey], user) =>
    [...(uses.get(userKey) ?? [])]
      .map(([key, verdict]) => [user, fileAt.get(key) ?? 0, verdict] as const)
      .sort(([, a], [, b]) => a - b),
  );
  return {
    users: userList.map(([, user]) => user),
    files: fileList.map(([, file]) => file),
    uses: list,
    isCut,
  };
}

function userOf({ kind, owner, process, remedy }: Finding): OldCodeUser {
  return {
    kind,
    owner: { kind: owner.kind, manager: owner.manager, name: short(owner.name) },
    program: process && short(process.executable),
    remedy: { kind: remedy.kind, target: short(remedy.target), automatic: remedy.automatic },
  };
}

function fileOf({ path, kind, package: of, cves }: FoundFile): OldCodeFile {
  const named = of && { name: short(of.name), from: of.from && short(of.from), to: of.to && short(of.to) };
  return { path: short(path), kind, package: named, cves };
}

function short(text: string): string {
  return text.length > LONGEST ? text.slice(0, LONGEST).toWellFormed() : text;
}

/** One use, with what the indices mean. */
export interface OldCodeUse {
  readonly user: OldCodeUser;
  readonly file: OldCodeFile;
  readonly verdict: Verdict;
}

/** What a filter asks of one host. */
export interface OldCodeAnswer {
  readonly uses: readonly OldCodeUse[];
  /** Of those that all but the CVEs ask for: whose changelogs could not tell. Without CVEs: 0. */
  readonly untold: number;
}

/**
 * Asks many hosts the same. Each part of the filter narrows the others, and all of them must hold of one file and its user;
 * `only`, `never` and `restarts` are of plans, and not looked at.
 */
export function oldCodeFilter(filter: Filter): (oldCode: OldCode) => OldCodeAnswer {
  const { kinds, cves } = filter;
  const ofPackage = filter.packages.map(globMatcher);
  const ofLibrary = filter.libraries.map(libraryMatcher);
  const ofUnit = filter.units.map(unitMatcher);
  const isOfUser = ({ kind, owner, remedy }: OldCodeUser) =>
    (kinds.length === 0 || kinds.includes(kind)) && isAny(ofUnit, [owner.name, remedy.target]);
  const isOfFile = ({ path, package: of }: OldCodeFile) =>
    isAny(ofPackage, of ? [of.name] : []) && isAny(ofLibrary, [path]);
  return ({ users, files, uses }) => {
    const wantedUsers = users.map(isOfUser);
    const wantedFiles = files.map(isOfFile);
    const wanted = uses.flatMap(([userAt, fileAt, verdict]): OldCodeUse[] => {
      const [user, file] = [users[userAt], files[fileAt]];
      return user && file && wantedUsers[userAt] && wantedFiles[fileAt] ? [{ user, file, verdict }] : [];
    });
    if (cves.length === 0) return { uses: wanted, untold: 0 };
    return {
      uses: wanted.filter(({ file }) => cves.some((id) => file.cves?.includes(id))),
      untold: wanted.filter(({ file }) => file.cves === null).length,
    };
  };
}

function isAny<T>(tests: readonly ((value: T) => boolean)[], values: readonly T[]): boolean {
  return tests.length === 0 || values.some((value) => tests.some((test) => test(value)));
}
