import { formatDuration } from "@afterpatch/core/duration";
import { echoed } from "@afterpatch/core/text";
import { type Handlers, unary } from "@afterpatch/wire/rpc";
import type { trustService } from "@afterpatch/wire/services";
import { LONGEST_OPERATOR_MS, OPERATOR_MS } from "../../ca/issue.ts";
import type { Peer } from "../../listen/peer.ts";
import type { Clock, Log } from "../../ports.ts";
import { type Operator, type OperatorRefusal, type Operators, ROLES, type Role } from "../../store/operators.ts";
import { nameOf } from "../asked.ts";
import { refused } from "../refuse.ts";
import { byOf } from "./hosts.ts";
import { checkLife, newToken, type TokenDeps } from "./tokens.ts";

export interface OperatorDeps extends Pick<TokenDeps, "pin"> {
  readonly operators: Operators;
  readonly clock: Clock;
  readonly log: Log;
  /** HOST:PORT of the enrol port, as people are to dial it. */
  readonly enrolAddress: () => string;
  readonly cut: (isMeant: (peer: Peer) => boolean) => void;
}

type Trust = Handlers<typeof trustService>;
export type OperatorCalls = "listOperators" | "addOperator" | "createLoginToken" | "setOperatorRole" | "revokeOperator";

const TOKEN_MS = 3_600_000;
const MACHINE_TOKEN_MS = 90 * 86_400_000;
const LONGEST_MACHINE_TOKEN_MS = 365 * 86_400_000;
/** Of a machine's certificates. */
const MACHINE_MS = 3_600_000;
const LONGEST_MACHINE_MS = 24 * 3_600_000;
const MOST_HOSTS = 1_000_000;
/** As identityOf (peer.ts) reads it from a certificate. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
/** Who acts without being an operator. */
const RESERVED: ReadonlySet<string> = new Set(["controller", "init", "local", "restore"]);
const SHORTEST_MS = 60_000;

/** Who may operate. */
export function operatorHandlers(deps: OperatorDeps): Pick<Trust, OperatorCalls> {
  const { operators, log } = deps;
  return {
    listOperators: unary(async () => ({ operators: (await operators.list()).map(toWire) })),
    addOperator: unary(async ({ name, role, lifeMs, expiresMs, machine, maxHosts }, call) => {
      const about = { name: nameIn(name), isMachine: machine, maxHosts: ceilingIn(machine, maxHosts) };
      const wanted = { ...about, role: roleIn(role), lifeMs: lifeIn(lifeMs, machine) };
      if (machine && wanted.role === "admin") throw refused("bad-argument", NO_ADMIN);
      const { token, text } = loginToken(deps, wanted, expiresMs, nameOf(call));
      done(name, await operators.invite(wanted, token));
      log.warn({ ...wanted, actor: nameOf(call) }, "operator added");
      return tokenToWire(deps, name, text, token.expiresAt);
    }),
    createLoginToken: unary(async ({ name, expiresMs }, call) => {
      const isMachine = (await operators.byName(name))?.isMachine ?? false;
      const { token, text } = loginToken(deps, { name, isMachine }, expiresMs, nameOf(call));
      done(name, await operators.inviteAgain({ ...token, operator: name }));
      log.warn({ name, actor: nameOf(call) }, "login token created");
      return tokenToWire(deps, name, text, token.expiresAt);
    }),
    setOperatorRole: unary(async ({ name, role, reason }, call) => {
      const by = byOf(deps, call, reason);
      done(name, await operators.setRole(name, roleIn(role), by));
      // Tokens that a former admin made end, and with them what machines got by them.
      await cutEnded(deps, by.at);
      log.warn({ name, role, ...by }, "role changed");
      return toWire(await known(operators, name));
    }),
    revokeOperator: unary(async ({ name, reason }, call) => {
      const by = byOf(deps, call, reason);
      if (name === nameOf(call)) throw refused("bad-argument", "nobody revokes themselves; another admin has to");
      done(name, await operators.remove(name, by));
      await cutEnded(deps, by.at);
      deps.cut((peer) => peer.kind === "operator" && peer.name === name);
      log.warn({ name, ...by }, "operator revoked");
      return toWire(await known(operators, name));
    }),
  };
}

const NO_ADMIN =
  "a machine is no admin: whoever reads its token could let others in; give it the role operator or viewer";

/** Ends the connections of certificates that were revoked at this instant. */
export async function cutEnded({ operators, cut }: Pick<OperatorDeps, "operators" | "cut">, at: number): Promise<void> {
  const ended = await operators.endedAt(at);
  if (ended.size > 0) cut((peer) => peer.kind === "operator" && ended.has(peer.serial));
}

function loginToken(
  deps: OperatorDeps,
  { name, isMachine }: Pick<Operator, "name" | "isMachine">,
  wantedMs: number,
  createdBy: string,
) {
  const expiresMs = wantedMs === 0 ? (isMachine ? MACHINE_TOKEN_MS : TOKEN_MS) : wantedMs;
  if (!isMachine) checkLife(expiresMs);
  else if (expiresMs < SHORTEST_MS || expiresMs > LONGEST_MACHINE_TOKEN_MS)
    throw refused("bad-argument", "a machine's token lives between 1 minute and 365 days");
  return newToken(deps, { uses: 1, expiresMs, labels: {}, createdBy, operator: name });
}

function ceilingIn(isMachine: boolean, maxHosts: number): number | null {
  if (maxHosts === 0) return null;
  if (!isMachine) throw refused("bad-argument", "a ceiling of hosts is for machines; leave it out, or make it one");
  if (maxHosts > MOST_HOSTS) throw refused("bad-argument", `a ceiling is 1 to ${MOST_HOSTS} hosts`);
  return maxHosts;
}

async function tokenToWire({ operators, enrolAddress }: OperatorDeps, name: string, token: string, expiresAt: number) {
  return { token, expiresAt, operator: toWire(await known(operators, name)), enrolAddress: enrolAddress() };
}

async function known(operators: Operators, name: string): Promise<Operator> {
  const operator = await operators.byName(name);
  if (!operator) throw new Error(`operator ${name} was just written`);
  return operator;
}

function nameIn(name: string): string {
  if (RESERVED.has(name))
    throw refused("bad-argument", `${name} stands for something else in the audit log; choose another name`);
  if (NAME.test(name)) return name;
  const why = `${echoed(name)} is no name of an operator`;
  throw refused("bad-argument", `${why}; write lower-case letters, digits, '.', '_' and '-', at most 63`);
}

function roleIn(text: string): Role {
  const role = ROLES.find((one) => one === text);
  if (!role) throw refused("bad-argument", `${echoed(text)} is no role; write ${ROLES.join(", ")}`);
  return role;
}

function lifeIn(ms: number, isMachine: boolean): number {
  if (ms === 0) return isMachine ? MACHINE_MS : OPERATOR_MS;
  const longest = isMachine ? LONGEST_MACHINE_MS : LONGEST_OPERATOR_MS;
  if (ms >= SHORTEST_MS && ms <= longest) return ms;
  const range = `${formatDuration(SHORTEST_MS)} to ${formatDuration(longest)}`;
  throw refused("bad-argument", `${isMachine ? "a machine" : "an operator"}'s certificate lives ${range}`);
}

function done(name: string, answer: OperatorRefusal | "done"): void {
  switch (answer) {
    case "done":
      return;
    case "unknown":
      throw refused("not-found", `there is no operator ${echoed(name)}; see 'afterpatch operators list'`);
    case "removed":
      throw refused("bad-argument", `operator ${name} was revoked, for good; add another name`);
    case "exists":
      throw refused("bad-argument", `there is, or was, an operator ${name}; names are never used again`);
    case "machine":
      throw refused("bad-argument", NO_ADMIN);
    case "last-admin":
      throw refused("bad-argument", `${name} is the last admin who can act; have another one log in first`);
  }
}

function toWire({ name, role, createdAt, lifeMs, certifiedUntil, removedAt, isMachine, maxHosts }: Operator) {
  const ends = { certifiedUntil: certifiedUntil ?? 0, removedAt: removedAt ?? 0 };
  return { name, role, createdAt, lifeMs, ...ends, machine: isMachine, maxHosts: maxHosts ?? 0 };
}
