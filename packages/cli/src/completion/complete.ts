import { membersOf } from "@afterpatch/core/inventory/tree";
import { visible } from "@afterpatch/core/text";
import { controllerClient } from "@afterpatch/wire/credentials";
import { call, type Rpc } from "@afterpatch/wire/rpc";
import { controlService, trustService } from "@afterpatch/wire/services";
import { COMMANDS } from "../commands/all.ts";
import { sourcesOf } from "../commands/scope-options.ts";
import type { Credentials } from "../credentials/read.ts";
import { readCredentials } from "../credentials/read.ts";
import { readInventory } from "../inventory/read.ts";
import type { Shell } from "../shell.ts";
import { type Candidate, type Next, nextOf, starting } from "./candidates.ts";

/** A person waits in the middle of a line. */
const PATIENCE_MS = 2_000;
/** More than anybody reads. */
const MOST = 500;

/**
 * What the shells' scripts ask for: a line for each candidate, text and summary with a tab between them, and a last one
 * that says what the shell may add by itself: `:files`, `:directories`, or `:nothing`. Where the controller cannot be asked
 * there are no candidates: nothing may be written into a line that somebody types.
 */
export async function complete(words: readonly string[], shell: Shell): Promise<string> {
  const typed = (words.at(-1) ?? "").replace(/^--[a-z-]+=/, "");
  const next = nextOf(COMMANDS, words);
  const candidates = await candidatesOf(next, typed, { shell, words });
  const lines = candidates.slice(0, MOST).map(({ text, summary }) => `${text}\t${summary}`);
  const then = next.kind === "files" || next.kind === "directories" ? next.kind : "nothing";
  return `${[...lines, `:${then}`].join("\n")}\n`;
}

interface Line {
  readonly shell: Shell;
  readonly words: readonly string[];
}

async function candidatesOf(next: Next, typed: string, { shell, words }: Line): Promise<readonly Candidate[]> {
  if (next.kind === "these") return next.candidates;
  if (next.kind === "files" || next.kind === "directories" || next.kind === "anything") return [];
  if (next.kind === "hosts") {
    const known = [groupsOf(words, shell), hosts(shell)].map((each) => each.catch(() => [])); // see above
    return ofPattern(typed, (await Promise.all(known)).flat());
  }
  try {
    const credentials = await readCredentials(shell.access, shell.now());
    return starting(typed, await NAMED[next.kind](credentials)).candidates;
  } catch {
    return []; // see above
  }
}

/** Of the last term alone: `role=web,!we` goes on with `web03`. */
function ofPattern(typed: string, all: readonly Candidate[]): readonly Candidate[] {
  const [, head = "", term = ""] = /^(.*[,:&!])?(.*)$/s.exec(typed) ?? [];
  return starting(term, all).candidates.map(({ text, summary }) => ({ text: `${head}${text}`, summary }));
}

/** Groups of the inventories that the line or the environment names; a program is never run for it. */
async function groupsOf(words: readonly string[], shell: Shell): Promise<readonly Candidate[]> {
  const named = words.flatMap((word, index) => {
    if (/^(?:-i|--inventory)$/.test(word)) return words[index + 1] ?? [];
    return /^(?:-i=?|--inventory=)(.+)$/.exec(word)?.[1] ?? [];
  });
  const sources = sourcesOf({ inventory: named }, shell);
  if (sources.length === 0) return [];
  const inventory = await readInventory(sources);
  const declared = [...inventory.groups.keys()].filter((name) => name !== "all" && name !== "ungrouped");
  return declared.map((name) => {
    const count = membersOf(inventory, name).length;
    return { text: visible(name), summary: `group (${count})` };
  });
}

async function hosts(shell: Shell): Promise<readonly Candidate[]> {
  const credentials = await readCredentials(shell.access, shell.now());
  const answer = await ask(credentials, controlService.listHosts, { pattern: "", fresh: false });
  const labels = new Map<string, number>();
  for (const { labels: its } of answer.hosts)
    for (const [key, value] of Object.entries(its)) {
      const label = `${key}=${value}`;
      labels.set(label, (labels.get(label) ?? 0) + 1);
    }
  return [
    { text: "all", summary: `every host (${answer.hosts.length})` },
    ...[...labels].map(([label, count]) => ({ text: visible(label), summary: `label (${count})` })),
    ...answer.hosts.map(({ name, state }) => ({ text: visible(name), summary: visible(state) })),
  ];
}

const NAMED = {
  rollouts: async (credentials: Credentials) => {
    const request = { limit: 50, open: false, ended: false };
    const { rollouts } = await ask(credentials, controlService.listRollouts, request);
    return rollouts.map(({ id, state, reason }) => ({ text: visible(id), summary: visible(`${state}: ${reason}`) }));
  },
  operators: async (credentials: Credentials) => {
    const { operators } = await ask(credentials, trustService.listOperators, {});
    return operators.map(({ name, role }) => ({ text: visible(name), summary: visible(role) }));
  },
  tokens: async (credentials: Credentials) => {
    const { tokens } = await ask(credentials, trustService.listTokens, {});
    return tokens.map(({ id, createdBy }) => ({ text: visible(id), summary: `by ${visible(createdBy)}` }));
  },
} as const;

async function ask<Req, Res>(
  credentials: Credentials,
  method: Rpc<Req, Res, false, false>,
  request: Req,
): Promise<Res> {
  const client = controllerClient(credentials.address, credentials);
  try {
    return await call(client, method, request, PATIENCE_MS);
  } finally {
    client.close();
  }
}
