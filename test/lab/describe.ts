import { describe, test } from "vitest";
import { type Missing, missingRequirements, requirementsMessage } from "./requirements.ts";

/**
 * `describe` for tests that need a lab. Where none can be made they fail when CI is set, else they are skipped under a
 * name that says what is missing; they never pass unseen.
 */
export async function describeLab(
  name: string,
  body: () => void,
  requirements: () => Promise<readonly Missing[]> = missingRequirements,
): Promise<void> {
  const missing = await requirements();
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const message = requirementsMessage(missing);
  if (process.env.CI === undefined || process.env.CI === "") {
    console.warn(`skipped: ${name}: ${message}`); // Reporters do not print the names of skipped tests by themselves.
    describe.skip(`${name}: skipped, ${message}`, body);
    return;
  }
  test(name, () => {
    throw new Error(message);
  });
}
