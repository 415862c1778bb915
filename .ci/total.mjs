// Adds up what the test runs said. A run without a result, a skipped test of the lab, or a failed stage is a failure.
import { readFileSync } from "node:fs";

const [failedStages = "1", ...files] = process.argv.slice(2);
const total = { passed: 0, failed: Number(failedStages), skipped: 0 };
for (const file of files) {
  const isLab = !file.endsWith("/test.json");
  const result = read(file);
  if (!result) {
    total.failed += 1;
    continue;
  }
  const skipped = result.testResults
    .flatMap((suite) => suite.assertionResults)
    .filter((test) => !["passed", "failed"].includes(test.status));
  for (const test of skipped) process.stdout.write(`skipped: ${test.fullName}\n`);
  const brokenSuites = result.testResults.filter((s) => s.status === "failed" && s.assertionResults.length === 0);
  total.passed += result.numPassedTests;
  total.failed += result.numFailedTests + brokenSuites.length + (isLab ? skipped.length : 0);
  total.skipped += isLab ? 0 : skipped.length;
}
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);

function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    process.stdout.write(`no test result in ${file}: ${error.message}\n`);
    return null;
  }
}
