import { afterAll, beforeAll, expect, test } from "vitest";
import type { Payload } from "../../e2e/payload.ts";
import { describeLab } from "../describe.ts";
import { down, hostOf, up } from "../lab.ts";
import { scenarios } from "./all.ts";
import { type Row, runMatrix } from "./run.ts";
import { installFolders, stageMatrix } from "./stage.ts";
import { afterpatch } from "./tools.ts";

// The representative part of `npm run matrix`: the built agent alone, on one host for all.

const name = `mx-${process.pid}`;
const chosen = scenarios.filter(({ inCi }) => inCi);

await describeLab("what runs old code, and what does not", () => {
  let rows: readonly Row[] = [];
  let payload: Payload | undefined;

  beforeAll(async () => {
    payload = await stageMatrix(chosen);
    const packages = ["perl"]; // with FindBin, which perl-base has not
    const lab = await up({ name, hosts: 1, payload: payload.directory, packages });
    const host = hostOf(lab, 1);
    await installFolders(host);
    rows = await runMatrix({ lab, host, scenarios: chosen, tools: [afterpatch] });
  });
  afterAll(async () => {
    await down(name);
    await payload?.remove();
  });

  test.each(chosen.map((scenario) => [`${scenario.name}: ${scenario.made}`, scenario] as const))(
    "%s",
    (_title, scenario) => {
      const row = rows.find((candidate) => candidate.scenario === scenario);
      expect(row?.cells.get(afterpatch.name)).toEqual({ kind: "right" });
    },
  );
});
