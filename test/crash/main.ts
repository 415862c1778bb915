import { parseArgs } from "node:util";
import { LabError } from "../lab/commands.ts";
import { campaign, type Orders, summary } from "./campaign.ts";
import { killController } from "./controller-kills.ts";

const help = `Kills the built controller while rollouts run, then the built agent on lab hosts at every point of its journal and
anywhere, and lets them recover.

  npm run test:crash                             1,000 kills of each
  npm run test:crash -- --controller-kills 10000 --kills 10000    the release run, some hours
  npm run test:crash -- --kills 0                the controller alone
  npm run test:crash -- --kills 60 --series ci   every fsync and rename, as CI does
  npm run test:crash -- --seed 7                 other random rounds
  npm run test:crash -- --seed 7 --only "random 12"    one of them again; "random": no others
  npm run test:crash -- --only "apply: kill before write"

Exit code 1 when an effect happened twice or is missing from the record.`;

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parse(argv);
  if (values.help) {
    console.log(help);
    return 0;
  }
  if (values.series !== "all" && values.series !== "ci")
    throw new LabError("usage", `--series ${values.series}: all or ci`);
  const orders: Orders = {
    name: values.name,
    hosts: whole("--hosts", values.hosts),
    seed: whole("--seed", values.seed),
    kills: whole("--kills", values.kills),
    only: values.only ?? null,
    series: values.series,
    say: (line) => console.error(`crash: ${line}`),
  };
  const wrong = await controllerKilled(whole("--controller-kills", values["controller-kills"]), orders.seed);
  if (orders.kills === 0 && orders.only === null) return wrong === 0 ? 0 : 1;
  const start = performance.now();
  const total = await campaign(orders);
  console.log(summary(orders, total, performance.now() - start));
  return wrong === 0 && total.failures.length === 0 && total.rounds > 0 ? 0 : 1;
}

/** How many complaints there were. */
async function controllerKilled(kills: number, seed: number): Promise<number> {
  if (kills === 0) return 0;
  const start = performance.now();
  const { acknowledged, rollouts, effects, complaints } = await killController(kills, seed);
  for (const complaint of complaints) console.log(`WRONG: ${complaint}`);
  const seconds = Math.round((performance.now() - start) / 1000);
  const work = `${acknowledged} orders answered, ${rollouts} rollouts with ${effects} restarts`;
  console.log(`controller: ${kills} kills in ${seconds} s, ${work}: ${complaints.length} complaints`);
  return complaints.length;
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        kills: { type: "string", default: "1000" },
        "controller-kills": { type: "string", default: "1000" },
        seed: { type: "string", default: "1" },
        hosts: { type: "string", default: "3" },
        series: { type: "string", default: "all" },
        only: { type: "string" },
        name: { type: "string", default: "crash" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new LabError("usage", `${error instanceof Error ? error.message : error}; see npm run test:crash -- --help`);
  }
}

function whole(option: string, text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new LabError("usage", `${option} ${text}: not a whole number`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof LabError) console.error(`crash: ${error.message}`);
  else console.error("crash:", error);
  process.exitCode = error instanceof LabError && error.code === "usage" ? 5 : 1;
}
