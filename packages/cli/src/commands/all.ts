import type { Command, Examples, Group } from "../command.ts";
import { hostsList } from "./hosts-list.ts";
import { budgets } from "./budgets.ts";
import { locks } from "./locks.ts";
import { windowsNext } from "./windows-next.ts";
import { apply } from "./apply.ts";
import { completion } from "./completion.ts";
import { cordon, uncordon } from "./cordon.ts";
import { events } from "./events.ts";
import { fleetUsers } from "./fleet-users.ts";
import { freeze } from "./freeze.ts";
import { inventoryCheck, inventoryGraph, inventoryHosts, inventoryList } from "./inventory.ts";
import { plan } from "./plan.ts";
import { reboot } from "./reboot.ts";
import { report } from "./report.ts";
import { restart } from "./restart.ts";
import { rolloutAbort, rolloutApprove, rolloutPause, rolloutResume } from "./rollout-order.ts";
import { rolloutList, rolloutStatus, rolloutWatch } from "./rollout-look.ts";
import { rolloutHistory } from "./rollout-history.ts";
import { trend } from "./trend.ts";
import { why } from "./why.ts";
import { rolloutRetry } from "./rollout-retry.ts";
import { rolloutStart } from "./rollout-start.ts";
import { scan, status } from "./status.ts";
import { auditList, auditVerify } from "./trust/audit.ts";
import { caShow } from "./trust/ca.ts";
import { hostsForget, hostsReadmit, hostsRelease, hostsRevoke, hostsWaiting } from "./trust/hosts.ts";
import { login } from "./trust/login.ts";
import { operatorsAdd, operatorsList, operatorsRevoke, operatorsRole, operatorsToken } from "./trust/operators.ts";
import { tokenCreate, tokenList, tokenRevoke } from "./trust/tokens.ts";
import { writeoff } from "./writeoff.ts";

const group = (name: string, summary: string, members: readonly Command[]): Group => ({
  ...{ kind: "group", name, summary, members },
  examples: members.flatMap(({ examples }): Examples => examples.slice(0, 1)).slice(0, 4),
});

const looks = [rolloutStatus, rolloutWatch, rolloutList, rolloutHistory];
const orders = [rolloutPause, rolloutResume, rolloutApprove, rolloutAbort];
const rollouts = [rolloutStart, rolloutRetry, ...looks, ...orders];
const hosts = [hostsList, hostsWaiting, hostsReadmit, hostsRelease, hostsRevoke, hostsForget];
const inventories = [inventoryCheck, inventoryList, inventoryGraph, inventoryHosts];
const operators = [operatorsList, operatorsAdd, operatorsToken, operatorsRole, operatorsRevoke];

/** Every command, in the order in which help shows them. */
export const COMMANDS: readonly (Command | Group)[] = [
  status,
  scan,
  fleetUsers,
  { ...group("hosts", "Which hosts a pattern selects, and which are let in", hosts), fallback: hostsList },
  plan,
  group("rollout", "Start, follow, pause and stop rollouts", rollouts),
  apply,
  restart,
  reboot,
  why,
  cordon,
  uncordon,
  freeze,
  writeoff,
  budgets,
  locks,
  group("windows", "When hosts may begin", [windowsNext]),
  events,
  report,
  trend,
  group("inventory", "What Ansible inventories say", inventories),
  login,
  group("operators", "Who may operate", operators),
  group("token", "Make join tokens for new hosts", [tokenCreate, tokenList, tokenRevoke]),
  group("ca", "The controller's CA", [caShow]),
  group("audit", "What was done, and that nothing of it was changed", [auditList, auditVerify]),
  completion,
];
