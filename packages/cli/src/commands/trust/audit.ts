import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CommandError, fileReason, usageError } from "@afterpatch/core/command-error";
import { wholeNumberOf } from "@afterpatch/core/command-line";
import { EXIT } from "@afterpatch/core/exit";
import { echoed, visible } from "@afterpatch/core/text";
import type { AuditHead } from "@afterpatch/wire/audit";
import type { pb } from "@afterpatch/wire/messages";
import { command } from "../../command.ts";
import { checkTarget, emit } from "../../output.ts";
import { table } from "../../render/table.ts";
import { instant } from "../../render/time.ts";
import { answered, EXITS, trust } from "./common.ts";

const PAGE = 1_000;

export const auditList = command({
  syntax: "list",
  summary: "Who did what, newest last",
  options: (parser) =>
    parser
      .option("last", {
        type: "string",
        default: "50",
        requiresArg: true,
        describe: "So many of the newest entries, 1 to 1000",
      })
      .option("all", { type: "boolean", default: false, describe: "All of them" })
      .option("object", {
        type: "string",
        requiresArg: true,
        describe: "Of this alone: a host by name or id, a rollout, an operator, a token",
      })
      .option("actor", {
        type: "string",
        requiresArg: true,
        describe: "By this actor alone: user/NAME, host/ID, controller",
      }),
  exits: EXITS,
  examples: [
    ["afterpatch audit list --actor user/carol", "what she did of late"],
    ["afterpatch audit list --all -o jsonl > audit.jsonl", "all of it, a line each"],
  ],
  run: async (args, shell) => {
    const last = wholeNumberOf("--last", args.last, 1, PAGE);
    return answered(args, shell, async (ask) => {
      const method = (await trust()).listAudit;
      const pages: pb.v1.AuditEntry[] = [];
      // What is meant may be anywhere in it.
      const isWhole = args.all || args.object !== undefined || args.actor !== undefined;
      if (!isWhole) pages.push(...(await ask("audit list", method, { after: 0, limit: last, newest: true })).entries);
      for (let after = 0; isWhole; after = pages.at(-1)?.seq ?? 0) {
        const { entries } = await ask("audit list", method, { after, limit: PAGE, newest: false });
        if (entries.length === 0) break;
        pages.push(...entries);
      }
      const isMeant = ({ object, body }: pb.v1.AuditEntry) =>
        args.object === undefined || object === args.object || nameIn(body) === args.object;
      const wanted = (entry: pb.v1.AuditEntry) => (args.actor ?? entry.actor) === entry.actor && isMeant(entry);
      const meant = pages.filter(wanted);
      const entries = (args.all ? meant : meant.slice(-last)).map(documentOf);
      const columns = ["SEQ", "AT", "ACTOR", "ACTION", "OBJECT", "DETAILS"].map((title) => ({ title }));
      const rows = entries.map(({ seq, at, actor, action, object, body }) =>
        [String(seq), at, actor, action, object || "-", detailsOf(body)].map((text) => ({ text })),
      );
      return {
        document: { schema: "afterpatch.audit/v1", entries },
        lines: entries,
        table: (paint) => (entries.length === 0 ? "Nothing of that is in the log.\n" : table(columns, rows, paint)),
      };
    });
  },
});

function documentOf({ seq, at, actor, action, object, body, sha256 }: pb.v1.AuditEntry) {
  const words = { actor: visible(actor), action: visible(action), object: visible(object) };
  return { seq, at: instant(at), ...words, body: visible(body), sha256: Buffer.from(sha256).toString("hex") };
}

/** Of a host whose id is the object. */
function nameIn(body: string): string | null {
  const { name } = fieldsOf(body) ?? {};
  return typeof name === "string" ? name : null;
}

/** Null: not what a controller of ours writes. */
function fieldsOf(body: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null; // told by the caller
  }
}

const TIMES: ReadonlySet<string> = new Set(["notAfter", "expiresAt", "until"]);

/** The reason, and what else is said, on a line, quoted: a reason cannot pass for a field. Hashes are for `-o json`. */
function detailsOf(body: string): string {
  const fields = fieldsOf(body);
  if (fields === null) return body;
  const text = (key: string, one: unknown): string => {
    const isTime = TIMES.has(key) && typeof one === "number";
    return `${key}=${isTime ? instant(one) : JSON.stringify(one)}`;
  };
  const shown = Object.entries(fields).filter(([key, one]) => key !== "sha256" && one !== null);
  return shown.map(([key, one]) => text(key, one)).join(" ") || "-";
}

export const auditVerify = command({
  syntax: "verify",
  summary: "Recompute the whole audit log's chain, and that it goes on from where it was when it was verified last",
  options: (parser) =>
    parser
      .option("head", {
        type: "string",
        requiresArg: true,
        describe: "SEQ:SHA256 that must be in it, such as an agent's log says ('connected', auditHead)",
      })
      .option("anew", {
        type: "boolean",
        default: false,
        describe: "Forget where it was when it was verified last, as after a restore from a backup",
      }),
  exits: "0 whole, 2 broken or rewritten, 4 controller unreachable, 5 usage or credentials",
  examples: [
    ["afterpatch audit verify", "before an auditor asks"],
    [
      "afterpatch audit verify --head 4711:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
      "what a host was told must be in it",
    ],
  ],
  run: async (args, shell) => {
    await checkTarget(args);
    const [{ asking }, { formatHead, parseHead }] = await Promise.all([
      import("../../asking.ts"),
      import("@afterpatch/wire/audit"),
    ]);
    const given = args.head === undefined ? null : parseHead(args.head);
    if (args.head !== undefined && given === null)
      throw usageError("--head", `${echoed(args.head)} is no head`, "write SEQ:SHA256 as an agent's log says it");
    const { ask, credentials } = await asking(shell);
    const memory = join(credentials.directory, "audit.head");
    const known = args.anew ? null : await remembered(memory, parseHead);
    const method = (await trust()).listAudit;
    const page = async (after: number) =>
      (await ask("audit verify", method, { after, limit: PAGE, newest: false })).entries;
    const heads = [known, given].filter((head) => head !== null && head.seq > 0);
    const head = await followed(page, heads as readonly AuditHead[]); // without nulls, above
    const { writeFileDurably } = await import("@afterpatch/wire/credential-files");
    const isKept = await writeFileDurably(memory, `${formatHead(head)}\n`).then(
      () => true,
      () => false, // read-only credentials: said below
    );
    const document = {
      schema: "afterpatch.audit-verified/v1",
      entries: head.seq,
      head: formatHead(head),
      since: known?.seq ?? 0,
    };
    const goesOn = known === null ? "" : `It goes on from entry ${known.seq}, where it was verified last.\n`;
    const unkept = isKept ? "" : `It could not be kept in ${memory}: a later rewriting will not be seen from here.\n`;
    await emit(
      {
        document,
        table: () => `The audit log is whole: ${head.seq} entries.\n${goesOn}Head ${formatHead(head)}\n${unkept}`,
      },
      args,
      shell,
    );
    return EXIT.ok;
  },
});

/** Null: it was never verified from here. */
async function remembered(path: string, parse: (text: string) => AuditHead | null): Promise<AuditHead | null> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw usageError(path, `cannot be read: ${fileReason(error)}`, ANEW);
  });
  if (text === null) return null;
  const head = parse(text.trim());
  if (head === null) throw usageError(path, "is damaged: where the log was when it was verified last is lost", ANEW);
  return head;
}

const ANEW = "find out why; then 'afterpatch audit verify --anew' begins again from what is there";

/** Follows the log from its first entry; each of these heads must lie on it. */
async function followed(
  page: (after: number) => Promise<readonly pb.v1.AuditEntry[]>,
  heads: readonly AuditHead[],
): Promise<AuditHead> {
  const { EMPTY_CHAIN, followChain } = await import("@afterpatch/wire/audit");
  let head = EMPTY_CHAIN;
  const seen = new Set<AuditHead>();
  for (;;) {
    const entries = await page(head.seq);
    for (const { seq, sha256 } of entries)
      for (const known of heads)
        if (known.seq === seq) {
          if (!Buffer.from(sha256).equals(known.sha256)) throw broken(seq, "it is not the entry that was there before");
          seen.add(known);
        }
    const verdict = followChain(head, entries);
    if (verdict.kind === "broken") throw broken(verdict.seq, verdict.why);
    head = verdict.head;
    if (entries.length === 0) break;
  }
  const missing = heads.find((known) => !seen.has(known));
  if (missing) throw broken(missing.seq, `the log ends at entry ${head.seq}: what followed was cut off`);
  return head;
}

function broken(seq: number, why: string): CommandError {
  const todo = "keep the controller's data as it is and compare it with a backup";
  return new CommandError(EXIT.failed, "audit log", `broken at entry ${seq}: ${why}`, todo);
}
