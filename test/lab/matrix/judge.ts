import { answerOf, type Made, type Scenario } from "./scenario.ts";
import type { Said, Tool } from "./tools.ts";

/** How a tool did in one scenario. */
export type Cell =
  | { readonly kind: "right" }
  /** It was silent about a process that runs old code. */
  | { readonly kind: "miss"; readonly note: string }
  /** It named what is current, or sent for the wrong thing. */
  | { readonly kind: "false"; readonly note: string }
  | { readonly kind: "n.a."; readonly note: string };

/** A peer is right when it names the old processes and no current one, and no unit that is not theirs. */
export function judgePeer(scenario: Scenario, made: Made, said: Said, tool: Pick<Tool, "namesUnits">): Cell {
  const answer = answerOf(scenario);
  const wrongly = (made.current ?? []).filter((pid) => said.pids.has(pid));
  if (wrongly.length > 0) return { kind: "false", note: "names a current process" };
  if (answer.kind === "current") return { kind: "right" };
  const old = made.old ?? [];
  const missed = old.filter((pid) => !said.pids.has(pid));
  if (missed.length > 0)
    return {
      kind: "miss",
      note: missed.length < old.length ? `only ${old.length - missed.length} of ${old.length}` : "",
    };
  if (!tool.namesUnits) return { kind: "right" };
  const named = new Set([...said.units, ...old.flatMap((pid) => said.pids.get(pid) ?? [])]);
  const wrong = [...named].find((unit) => scenario.notUnits?.some((pattern) => fits(pattern, unit)));
  if (wrong !== undefined) return { kind: "false", note: `says ${wrong.replace(/@[^@]*$/, "@...")}` };
  const unit = /^(?:service|init) systemd (.*)$/.exec(answer.owner)?.[1];
  if (unit === undefined || isNamed(unit, named)) return { kind: "right" };
  return { kind: "miss", note: "the process, not its unit" };
}

function isNamed(unit: string, named: ReadonlySet<string>): boolean {
  // needrestart calls PID 1 systemd-manager; zypper leaves .service out.
  const plain = unit === "systemd" ? "systemd-manager" : unit.replace(/^.*\//, "");
  const names = [unit, plain, plain.replace(/\.service$/, "")];
  return names.some((name) => named.has(name));
}

/** afterpatch has to say the verdict, the owner and the remedy too. */
export function judgeAfterpatch(scenario: Scenario, made: Made, said: Said): Cell {
  const answer = answerOf(scenario);
  for (const pid of made.current ?? []) {
    const found = said.pids.get(pid);
    if (found !== undefined) return { kind: "false", note: `${found} (pid ${pid} is current)` };
  }
  if (answer.kind === "current") return { kind: "right" };
  const right = `${answer.verdict}; ${answer.owner}; ${answer.remedy}`;
  for (const pid of made.old ?? []) {
    const found = said.pids.get(pid) ?? null;
    if (found === null) return { kind: "miss", note: `nothing of pid ${pid}` };
    if (!fits(right, found)) return { kind: "false", note: `says ${found}` };
  }
  return { kind: "right" };
}

/** `*` in the pattern stands for any text. */
function fits(pattern: string, text: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.^$+?()[\]{}|\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}
