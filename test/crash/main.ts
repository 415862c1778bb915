import { parseArgs } from "node:util";
import { LabError } from "../lab/commands.ts";
import { campaign, type Orders, summary } from "./campaign.ts";

const help = `Kills the built agent on lab hosts at every point of its journal, then anywhere, and lets it recover.

  npm run test:crash                             1,000 kills
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
  const start = performance.now();
  const total = await campaign(orders);
  console.log(summary(orders, total, performance.now() - start));
  return total.failures.length === 0 && total.rounds > 0 ? 0 : 1;
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        kills: { type: "string", default: "1000" },
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
