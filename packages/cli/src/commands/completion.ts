import { EXIT } from "@afterpatch/core/exit";
import { command } from "../command.ts";
import { SCRIPTS, SHELLS } from "../completion/scripts.ts";
import { checkTarget, emit } from "../output.ts";

export const completion = command({
  syntax: "completion <shell>",
  summary: "Completion of commands, options, hosts and rollouts, for your shell to read",
  options: (parser) =>
    parser.positional("shell", { choices: SHELLS, demandOption: true, describe: "The shell that you type in" }),
  exits: "0 printed, 5 usage",
  examples: [
    ["source <(afterpatch completion bash)", "in this shell; in ~/.bashrc for every one"],
    ["source <(afterpatch completion zsh)", "the same, behind compinit in ~/.zshrc"],
    ["afterpatch completion fish > ~/.config/fish/completions/afterpatch.fish", "for good"],
  ],
  run: async (args, shell) => {
    await checkTarget(args);
    const { shell: name } = args;
    const document = { schema: "afterpatch.completion/v1", shell: name, script: SCRIPTS[name] };
    await emit({ document, table: () => SCRIPTS[name] }, args, shell);
    return EXIT.ok;
  },
});
