import { visible } from "@afterpatch/core/text";
import { controllerClient } from "@afterpatch/wire/credentials";
import { call, type Rpc } from "@afterpatch/wire/rpc";
import { controlService, trustService } from "@afterpatch/wire/services";
import { COMMANDS } from "../commands/all.ts";
import type { Credentials } from "../credentials/read.ts";
import { readCredentials } from "../credentials/read.ts";
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
  const candidates = await candidatesOf(next, typed, shell);
  const lines = candidates.slice(0, MOST).map(({ text, summary }) => `${text}\t${summary}`);
  const then = next.kind === "files" || next.kind === "directories" ? next.kind : "nothing";
  return `${[...lines, `:${then}`].join("\n")}\n`;
}

async function candidatesOf(next: Next, typed: string, shell: Shell): Promise<readonly Candidate[]> {
  if (next.kind === "these") return next.candidates;
  if (next.kind === "files" || next.kind === "directories" || next.kind === "anything") return [];
  try {
    const credentials = await readCredentials(shell.access, shell.now());
    if (next.kind === "hosts") return ofPattern(typed, await hosts(credentials));
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

async function hosts(credentials: Credentials): Promise<readonly Candidate[]> {
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
