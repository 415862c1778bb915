import { agentService, controlService, enrollService, trustService } from "@afterpatch/wire/services";
import { ROLES, type Role } from "../store/operators.ts";

/** Who calls: nobody in particular (enrol port), a host, or an operator in a role. */
export type Caller = "anyone" | "host" | Role;

const ANYONE: readonly Caller[] = ["anyone"];
const HOSTS: readonly Caller[] = ["host"];
const [VIEWERS, OPERATORS, ADMINS] = [ROLES, ROLES.slice(1), ROLES.slice(2)];

/** A row for each method of a service: a method without one does not compile. */
type Rows<Service> = { readonly [Method in keyof Service]: readonly Caller[] };

const ENROLL: Rows<typeof enrollService> = { enroll: ANYONE, login: ANYONE, readmit: ANYONE };

const AGENT: Rows<typeof agentService> = { connect: HOSTS, renewHost: HOSTS };

const CONTROL: Rows<typeof controlService> = {
  listHosts: VIEWERS,
  planFleet: VIEWERS,
  getRollout: VIEWERS,
  listRollouts: VIEWERS,
  watchRollout: VIEWERS,
  getFreeze: VIEWERS,
  whyHost: VIEWERS,
  listEvents: VIEWERS,
  reportRollout: VIEWERS,
  watchEvents: VIEWERS,
  getTrend: VIEWERS,
  findOldCode: VIEWERS,
  listBudgets: VIEWERS,
  nextWindows: VIEWERS,
  startRollout: OPERATORS,
  abortRollout: OPERATORS,
  pauseRollout: OPERATORS,
  resumeRollout: OPERATORS,
  approveRollout: OPERATORS,
  cordonHosts: OPERATORS,
  uncordonHosts: OPERATORS,
  freezeFleet: OPERATORS,
  thawFleet: OPERATORS,
  writeOffHost: OPERATORS,
  createToken: ADMINS,
};

const TRUST: Rows<typeof trustService> = {
  renewOperator: VIEWERS,
  getAuthority: VIEWERS,
  listOperators: VIEWERS,
  listWaitingHosts: VIEWERS,
  listAudit: VIEWERS,
  readmitHost: OPERATORS,
  releaseHost: ADMINS,
  listTokens: ADMINS,
  revokeToken: ADMINS,
  addOperator: ADMINS,
  createLoginToken: ADMINS,
  setOperatorRole: ADMINS,
  revokeOperator: ADMINS,
  revokeHost: ADMINS,
  forgetHost: ADMINS,
};

/** Every method and who may call it. What is not here is refused. */
export const PERMISSIONS: ReadonlyMap<string, readonly Caller[]> = new Map([
  ...rows(enrollService, ENROLL),
  ...rows(agentService, AGENT),
  ...rows(controlService, CONTROL),
  ...rows(trustService, TRUST),
]);

function rows<Service extends Readonly<Record<keyof Service, { readonly path: string }>>>(
  service: Service,
  callers: Rows<Service>,
): readonly (readonly [string, readonly Caller[]])[] {
  const names = Object.keys(service) as (keyof Service)[]; // the descriptors have exactly these
  return names.map((name) => [service[name].path, callers[name]]);
}

export function isPermitted(method: string, caller: Caller): boolean {
  return PERMISSIONS.get(method)?.includes(caller) ?? false;
}

/** Those who may, the least of them first: `operator or admin`. */
export function permittedTo(method: string): string {
  return PERMISSIONS.get(method)?.join(" or ") ?? "nobody";
}
