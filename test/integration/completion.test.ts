import { execFile, execFileSync } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { SHELLS, type ShellName } from "@afterpatch/cli/completion/scripts";
import { cli } from "./cli-process.ts";
import { temporaryDirectory } from "./programs.ts";
import { trustedPlace } from "./trusted-place.ts";

// The scripts in the shells that they are for. What a shell would offer is asked of the shell.

const ROOT = join(import.meta.dirname, "../..");

/** Prints what the shell offers for `$LINE`, one a line. */
const OFFERS: Readonly<Record<ShellName, string>> = {
  bash: `source "$SCRIPT"; compopt() { :; }; COMP_LINE=$LINE COMP_POINT=\${#LINE}; _afterpatch; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // What zsh offers is only known while it edits a line: compadd is asked to say it.
  zsh: `zmodload zsh/zpty
zpty session zsh -f -i
send() { zpty -w session "$1"; }
send 'unset zle_bracketed_paste; PROMPT=; RPROMPT=; unsetopt PROMPT_CR PROMPT_SP'
send 'autoload -Uz compinit; compinit -u -D'
send "path=($path[1] \\$path); source $SCRIPT"
send 'compadd() { local -a all; builtin compadd -O all "$@"; print -rl -- "offer:"$^all; builtin compadd "$@" }'
send 'bindkey "^I" complete-word; zstyle ":completion:*" list-prompt ""; LISTMAX=0; PROMPT=re%{%}ady'
zpty -r session line '*ready*'
zpty -w -n session "$LINE"$'\\t'
zpty -w -n session $'\\C-u'
send 'print do""ne'
while zpty -r session line; do
  [[ $line == *done* ]] && break
  [[ $line == *offer:* ]] && print -r -- "\${\${line##*offer:}%%$'\\r'*}"
done
zpty -d session`,
  fish: `source "$SCRIPT"; complete -C "$LINE" | string replace -r '\\t.*' ''; true`,
};

const isThere = (shell: string) => {
  try {
    execFileSync(shell, ["-c", "true"]);
    return true;
  } catch {
    return false;
  }
};
const absent = SHELLS.filter((shell) => !isThere(shell));
if (process.env.CI) test("every shell is here", () => expect(absent).toEqual([]));

/** A directory with the program under its name and the shell's script. */
async function installed(shell: ShellName) {
  const directory = await temporaryDirectory();
  const program = join(directory, "afterpatch");
  await writeFile(program, `#!/bin/sh\nexec sh ${ROOT}/test/node.sh ${ROOT}/packages/cli/src/main.ts "$@"\n`);
  await chmod(program, 0o755);
  const { out, code, err } = await cli(["completion", shell]).ended;
  expect([code, err]).toEqual([0, ""]);
  const script = join(directory, "script");
  await writeFile(script, out);
  // Not at once: a controller may live in this process.
  return async (line: string, env: Readonly<Record<string, string>> = {}) => {
    const { stdout: said } = await promisify(execFile)(shell, ["-c", OFFERS[shell]], {
      encoding: "utf8",
      cwd: directory,
      timeout: 60_000,
      env: {
        HOME: directory,
        TERM: "dumb",
        ...env,
        LINE: line,
        SCRIPT: script,
        PATH: `${directory}:${process.env.PATH}`,
      },
    });
    return [
      ...new Set(
        said
          .split("\n")
          .map((one) => one.trim())
          .filter((one) => one !== ""),
      ),
    ].sort();
  };
}

describe.each(SHELLS.map((shell) => [shell]))("%s", (shell) => {
  test.skipIf(absent.includes(shell))(
    "offers commands, options, values, and what the controller knows",
    async () => {
      const offers = await installed(shell);
      expect(await offers("afterpatch rollo")).toEqual(["rollout"]);
      expect(await offers("afterpatch rollout re")).toEqual(["resume", "retry"]);
      expect(await offers("afterpatch rollout start --max-h")).toEqual(["--max-hosts"]);
      expect(await offers("afterpatch operators role carol --role ")).toEqual(["admin", "operator", "viewer"]);
      expect(await offers("afterpatch status web", { AFTERPATCH_CREDENTIALS: "/nonexistent" })).toEqual([]);
      const place = await trustedPlace();
      await place.join("web01");
      await place.join("web02");
      await place.join("db1");
      const env = {
        AFTERPATCH_CREDENTIALS: join(place.controller.dataDir, "admin"),
        AFTERPATCH_CONTROLLER: `localhost:${place.controller.ports.fleet}`,
      };
      expect(await offers("afterpatch status we", env)).toEqual(["web01", "web02"]);
      expect(await offers("afterpatch plan all,!d", env)).toEqual(["all,!db1"]);
      const named = { ...env, AFTERPATCH_INVENTORY: await inventory() };
      expect(await offers("afterpatch plan we", named)).toEqual(["web", "web01", "web02"]);
      expect(await offers(`afterpatch status -i ${named.AFTERPATCH_INVENTORY} -l ca`, env)).toEqual(["canary"]);
    },
    120_000,
  );
});

async function inventory(): Promise<string> {
  const path = join(await temporaryDirectory(), "hosts");
  await writeFile(path, "[web]\nweb01\n[canary]\nweb02\n");
  return path;
}

test("files where files are meant, in bash and fish", async () => {
  for (const shell of ["bash", "fish"] as const) {
    if (absent.includes(shell)) continue;
    const offers = await installed(shell);
    expect([shell, await offers("afterpatch plan -f scr")]).toEqual([shell, ["script"]]);
  }
}, 60_000);
