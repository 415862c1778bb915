import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";

/** The tests that use fast-check, again and again for so long, each round with another seed; answers the number of red rounds. */
export function propertyRounds(minutes: number): number {
  const files = globSync(["packages/*/src/**/*.test.ts", "test/integration/*.test.ts"]).filter((file) =>
    /from "fast-check"|\bhostile\.ts"/.test(readFileSync(file, "utf8")),
  );
  const until = performance.now() + minutes * 60_000;
  let rounds = 0;
  let red = 0;
  while (performance.now() < until) {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const vitest = ["node_modules/vitest/vitest.mjs", "run", "--reporter=dot", ...files];
    const run = spawnSync(process.execPath, vitest, {
      encoding: "utf8",
      env: { ...process.env, AFTERPATCH_TEST_SEED: String(seed) },
    });
    rounds += 1;
    if (run.status === 0) continue;
    red += 1;
    process.stdout.write(`${run.stdout}${run.stderr}\nseed ${seed} is red: AFTERPATCH_TEST_SEED=${seed} npm test\n`);
  }
  process.stdout.write(`${files.length} files, ${rounds} rounds, ${red} red\n`);
  return rounds > 0 ? red : 1;
}
