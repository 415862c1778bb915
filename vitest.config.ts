import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          setupFiles: ["test/properties.ts"],
          include: [
            "packages/*/src/**/*.test.ts",
            "test/{sim,cases,docs}/**/*.test.ts",
            "deploy/**/*.test.ts",
            "test/crash/{check,synced}.test.ts",
          ],
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          setupFiles: ["test/properties.ts"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "lab",
          include: ["test/lab/**/*.test.ts", "test/e2e/**/*.test.ts", "test/crash/{crash,disk}.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          // Labs share nothing; two of them wait for services and timers of their own most of the time.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "kernel",
          include: ["test/kernel/**/*.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
