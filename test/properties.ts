/**
 * Runs before every test file: properties draw the same values in every run, so that a red test was made red by the
 * change under it; `npm run fuzz` draws others.
 */
import fc from "fast-check";

const seed = Number(process.env.AFTERPATCH_TEST_SEED ?? 20_261_122);
if (!Number.isSafeInteger(seed)) throw new Error("AFTERPATCH_TEST_SEED: expected a whole number");
fc.configureGlobal({ seed: seed | 0 });
