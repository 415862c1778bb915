import { expect, test } from "vitest";
import { writeOff } from "../api/charges.ts";
import { SILENT } from "../../../../test/fakes/controller.ts";
import { CLEAN, permitOf, states, twoHosts } from "../../../../test/fakes/fleet.ts";
import { verified } from "../../../../test/fakes/reports.ts";
import { rolloutPlan } from "../../../../test/fakes/rollout.ts";

/** web1 and web2; `r1` holds web1, `r2` waits for it. Planned anew, `r2` has work for both. */
async function queued() {
  const two = await twoHosts(null);
  two.bench.replans = async (plan) => ({
    kind: "planned",
    plan: { ...rolloutPlan({ hosts: ["web1", "web2"] }), id: plan.id },
  });
  const run = await two.bench.start();
  const [web1, web2] = [await run.connect("web1"), await run.connect("web2")];
  await run.engine.start(rolloutPlan({ id: "r1", hosts: ["web1"] }), "request-1");
  await run.engine.start(rolloutPlan({ id: "r2", hosts: ["web1"] }), "request-2", true);
  return { bench: two.bench, run, web1, web2 };
}

test("a rollout that waited begins with what is to be done now, but not with a host that another one has taken meanwhile", async () => {
  const { bench, run, web1, web2 } = await queued();
  expect(await states(run, "r2")).toBe("planned pending");
  // web2 had no work in r2 when r3 took it.
  await run.engine.start(rolloutPlan({ id: "r3", hosts: ["web2"] }), "request-3");
  await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  await bench.time.run(() => false, 30_000);
  const waiting = (await run.engine.open()).find(({ plan }) => plan.id === "r2");
  expect([waiting?.state, waiting?.why]).toEqual(["planned", expect.stringContaining("web2: held by rollout r3")]);
  await run.tells("web2", web2, verified(permitOf(web2), CLEAN));
  await bench.time.run(() => false, 30_000);
  expect(await states(run, "r2")).toBe("running permitted pending");
});

test("a host that is lost can be written off while another rollout waits for it", async () => {
  const { bench, run, web1 } = await queued();
  await run.lose("web1", web1);
  const deps = { hosts: bench.hosts, engine: run.engine, log: SILENT };
  expect(await writeOff(deps, "web1", "board is dead", "ada")).toMatchObject({ rollouts: ["r1"] });
  expect(await states(run, "r1")).toContain("written-off");
});

test("one for which hosts may be coming back is planned again every 10 s, however often anybody looks", async () => {
  const { bench } = await queued();
  let asked = 0;
  bench.replans = async () => {
    asked += 1;
    return { kind: "wait", why: "2 hosts may be coming back still" };
  };
  const later = await bench.start();
  const back = await later.connect("web1");
  await later.connect("web2");
  await later.tells("web1", back, verified(permitOf(back), CLEAN));
  for (let n = 0; n < 5; n++) await later.engine.look();
  await bench.time.run(() => false, 35_000);
  expect([asked, await states(later, "r2")]).toEqual([4, "planned pending"]);
  // It holds its host against those that came after it.
  const third = rolloutPlan({ id: "r3", hosts: ["web1"] });
  await expect(later.engine.start(third, "request-3")).rejects.toMatchObject({ code: "hosts-held" });
});
