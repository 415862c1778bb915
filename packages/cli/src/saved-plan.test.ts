import { expect, test } from "vitest";
import type { PlanDocument } from "./documents/plan.ts";
import { newIn } from "./saved-plan.ts";

type Wave = PlanDocument["waves"][number];

function wave(name: string, hosts: Readonly<Record<string, readonly string[]>>, ramp: readonly number[] = [1]): Wave {
  const of = (target: string) => ({
    ...{ id: `restart-service:${target}`, findings: [], because: "", insteadOf: [] },
    remedy: { kind: "restart-service", target },
  });
  return {
    ...{ name, ramp, after: [], bakeMs: 0, approve: false },
    hosts: Object.entries(hosts).map(([host, targets]) => ({
      ...{ id: `id-${host}`, name: host, reportedAt: null, residue: [], unreadable: 0 },
      steps: targets.map(of),
    })),
  };
}

const SAVED = [wave("all", { web1: ["nginx"], web2: ["nginx", "ssh"], web3: [] }, [1, 2])];

test.each<[string, readonly Wave[], readonly string[]]>([
  ["nothing changed", SAVED, []],
  ["a step, a host and a batch less", [wave("all", { web2: ["ssh"] }, [1])], []],
  ["a host that has work now", [wave("all", { web3: ["ssh"] }, [1])], ["web3: restart-service ssh"]],
  [
    "one new step on two hosts, one of them new",
    [wave("all", { web1: ["nginx", "cron"], web4: ["cron"] }, [1])],
    ["web1,web4: restart-service cron"],
  ],
  ["larger batches", [wave("all", { web1: ["nginx"] }, [1, 3])], ["wave all: batches of 1, 3, which were 1, 2"]],
  ["one batch that goes on", [wave("all", { web1: ["nginx"] }, [2])], ["wave all: batches of 2, which were 1, 2"]],
  ["another wave", [wave("canary", { web1: ["nginx"] })], ["web1: wave canary (it was in all)"]],
  ["a new host with nothing to do", [wave("all", { web9: [] }, [1])], []],
])("%s", (_name, waves, expected) => expect(newIn({ waves: SAVED }, { waves })).toEqual(expected));
