import { EXIT, type ExitCode } from "@afterpatch/core/exit";
import type { Argv } from "yargs";
import type { PlanDocument } from "../documents/plan.ts";
import { columnsOf, emit } from "../output.ts";
import { renderPlan } from "../render/plan.ts";
import { wrapped } from "../render/wrap.ts";
import type { Shell, Target } from "../shell.ts";

/** Of all that begin a rollout: Ansible's words for a look at what would be done. */
export function dryRunOptions<T>(parser: Argv<T>) {
  return parser
    .option("check", {
      alias: "C",
      type: "boolean",
      default: false,
      describe: "Show the plan and stop; exits as 'afterpatch plan' does",
    })
    .option("diff", {
      type: "boolean",
      default: false,
      describe: "Show the plan with the reasons against smaller steps, as -o wide",
    })
    .option("list-hosts", {
      type: "boolean",
      default: false,
      describe: "Show the selected hosts in their order and stop",
    });
}

export interface DryRunArgs {
  readonly check: boolean;
  readonly diff: boolean;
  readonly listHosts: boolean;
}

/** Whether nothing is to be done, so that nobody has to say why or to confirm. */
export function isDryRun({ check, listHosts }: DryRunArgs): boolean {
  return check || listHosts;
}

/** Shows what was planned, or for whom. */
export async function showDryRun(plan: PlanDocument, args: DryRunArgs & Target, shell: Shell): Promise<ExitCode> {
  const result = args.listHosts
    ? hostsOf(plan)
    : {
        document: plan,
        table: (paint: Shell["paint"], isWide: boolean) =>
          wrapped(renderPlan(plan, paint, isWide || args.diff), columnsOf(args, shell)),
      };
  await emit(result, args, shell);
  return plan.notEnrolled.length > 0 ? EXIT.unreachable : EXIT.ok;
}

/** A name a line, for other programs; in JSON with the wave and whether there is anything to do. */
function hostsOf(plan: PlanDocument) {
  const planned = plan.waves.flatMap(({ name: wave, hosts }) =>
    hosts.map(({ name, steps }) => ({ name, wave, steps: steps.length, uncovered: null as string | null })),
  );
  const uncovered = plan.uncovered.map(({ name, why }) => ({ name, wave: null, steps: null, uncovered: why }));
  const hosts = [...planned, ...uncovered];
  const table = (paint: Shell["paint"], isWide: boolean) =>
    hosts
      .map(({ name, wave, uncovered: why }) => {
        const about = why === null ? `wave ${wave}` : `not covered: ${why}`;
        return isWide || why !== null ? `${name}  ${paint("dim", `# ${about}`)}\n` : `${name}\n`;
      })
      .join("");
  return { document: { schema: "afterpatch.selection/v1", hosts }, lines: hosts, table };
}
