import { MUTANTS } from "./mutants.ts";
import { plant } from "./plant.ts";
import type { runSeed } from "./seeds.ts";

// One process of the simulator: `worker.ts MUTANT FROM STEP`, MUTANT `-` for the product as it is. Runs FROM, FROM + STEP, ...
// and sends each result, until it is ended.

const [name = "-", from = "1", step = "1"] = process.argv.slice(2);
if (name !== "-") {
  const mutant = MUTANTS.find((one) => one.name === name);
  if (!mutant) throw new Error(`no mutant '${name}'`);
  plant(mutant);
}
// Not before: what is planted has to be there when the product is loaded.
const simulator = (await import("./seeds.ts")) as { readonly runSeed: typeof runSeed };
for (let seed = Number(from); ; seed += Number(step)) {
  const result = await simulator.runSeed(seed);
  await new Promise((sent) => process.send?.(result, sent));
}
