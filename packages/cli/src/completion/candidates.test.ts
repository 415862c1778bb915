import { expect, test } from "vitest";
import { COMMANDS } from "../commands/all.ts";
import { nextOf } from "./candidates.ts";

const next = (...words: readonly string[]) => {
  const found = nextOf(COMMANDS, words);
  return found.kind === "these" ? found.candidates.map(({ text }) => text) : found.kind;
};

test.each<[readonly string[], readonly string[] | string]>([
  [["rollo"], ["rollout"]],
  [
    ["rollout", "re"],
    ["retry", "resume"],
  ],
  [["--credentials", "D", "rollout", "ap"], ["approve"]],
  [["--credentials", ""], "directories"],
  [["rollout", "start", ""], "hosts"],
  [["rollout", "start", "--serial", "1", ""], "hosts"],
  [["rollout", "start", "--yes", "web"], "hosts"],
  [["rollout", "start", "web", ""], []],
  [["rollout", "start", "--max-h"], ["--max-hosts"]],
  [["rollout", "start", "--max-hosts", "5", "--max-h"], []],
  [["rollout", "start", "--max-hosts", ""], "anything"],
  [["rollout", "start", "-f", ""], "files"],
  [["rollout", "abort", ""], "rollouts"],
  [["token", "revoke", ""], "tokens"],
  [
    ["operators", "role", "carol", "--role", ""],
    ["viewer", "operator", "admin"],
  ],
  [["operators", "role", ""], "operators"],
  [
    ["status", "-o", "j"],
    ["json", "jsonl"],
  ],
  [
    ["status", "--format=j"],
    ["--format=json", "--format=jsonl"],
  ],
  [["status", "--out="], "files"],
  [["status", "--nosuch="], "anything"],
  [
    ["completion", ""],
    ["bash", "zsh", "fish"],
  ],
  [["nosuch", ""], "anything"],
  [["--vers"], ["--version"]],
])("%j goes on with %j", (words, expected) => expect(next(...words)).toEqual(expected));

test("every command says what it takes, each option with a summary", () => {
  const commands = COMMANDS.flatMap((one) => (one.kind === "group" ? one.members : [one]));
  for (const one of commands) expect([one.name, one.examples.length > 0]).toEqual([one.name, true]);
  const found = nextOf(COMMANDS, ["rollout", "start", "--"]);
  if (found.kind !== "these") throw new Error("options are candidates");
  expect(found.candidates.filter(({ summary }) => summary === "")).toEqual([]);
  expect(found.candidates.length).toBeGreaterThan(30);
});
