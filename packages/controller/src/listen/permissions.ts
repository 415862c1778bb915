import { agentService, controlService, enrollService } from "@afterpatch/wire/services";
import { ROLES, type Role } from "../store/operators.ts";

/** Who calls: nobody in particular (enrol port), a host, or an operator in a role. */
export type Caller = "anyone" | "host" | Role;

const HOSTS: readonly Caller[] = ["host"];
const [VIEWERS, OPERATORS, ADMINS] = [ROLES, ROLES.slice(1), ROLES.slice(2)];

/** Every method and who may call it. What is not here is refused. */
export const PERMISSIONS: ReadonlyMap<string, readonly Caller[]> = new Map<string, readonly Caller[]>([
  [enrollService.enroll.path, ["anyone"]],

  [agentService.connect.path, HOSTS],

  [controlService.listHosts.path, VIEWERS],
  [controlService.planFleet.path, VIEWERS],
  [controlService.getRollout.path, VIEWERS],
  [controlService.listRollouts.path, VIEWERS],
  [controlService.watchRollout.path, VIEWERS],
  [controlService.getFreeze.path, VIEWERS],
  [controlService.whyHost.path, VIEWERS],
  [controlService.listEvents.path, VIEWERS],
  [controlService.listBudgets.path, VIEWERS],
  [controlService.nextWindows.path, VIEWERS],
  [controlService.startRollout.path, OPERATORS],
  [controlService.abortRollout.path, OPERATORS],
  [controlService.pauseRollout.path, OPERATORS],
  [controlService.resumeRollout.path, OPERATORS],
  [controlService.approveRollout.path, OPERATORS],
  [controlService.cordonHosts.path, OPERATORS],
  [controlService.uncordonHosts.path, OPERATORS],
  [controlService.freezeFleet.path, OPERATORS],
  [controlService.thawFleet.path, OPERATORS],
  [controlService.writeOffHost.path, OPERATORS],
  [controlService.createToken.path, ADMINS],
  [controlService.revokeHost.path, ADMINS],
]);

export function isPermitted(method: string, caller: Caller): boolean {
  return PERMISSIONS.get(method)?.includes(caller) ?? false;
}
