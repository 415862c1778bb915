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
    addOperator: unary(async ({ name, role, lifeMs, expiresMs }, call) => {
      const wanted = { name: nameIn(name), role: roleIn(role), lifeMs: lifeIn(lifeMs) };
      const { token, text } = loginToken(deps, name, expiresMs, nameOf(call));
      done(name, await operators.invite(wanted, token));
      log.warn({ ...wanted, actor: nameOf(call) }, "operator added");
      return tokenToWire(deps, name, text, token.expiresAt);
    }),
    createLoginToken: unary(async ({ name, expiresMs }, call) => {
      const { token, text } = loginToken(deps, name, expiresMs, nameOf(call));
      done(name, await operators.inviteAgain({ ...token, operator: name }));
      log.warn({ name, actor: nameOf(call) }, "login token created");
      return tokenToWire(deps, name, text, token.expiresAt);
    }),
    setOperatorRole: unary(async ({ name, role, reason }, call) => {
      const by = byOf(deps, call, reason);
      done(name, await operators.setRole(name, roleIn(role), by));
      log.warn({ name, role, ...by }, "role changed");
      return toWire(await known(operators, name));
    }),
    revokeOperator: unary(async ({ name, reason }, call) => {
      const by = byOf(deps, call, reason);
      if (name === nameOf(call)) throw refused("bad-argument", "nobody revokes themselves; another admin has to");
      done(name, await operators.remove(name, by));
      deps.cut((peer) => peer.kind === "operator" && peer.name === name);
      log.warn({ name, ...by }, "operator revoked");
      return toWire(await known(operators, name));
    }),
  };
}

function loginToken(deps: OperatorDeps, name: string, expiresMs: number, createdBy: string) {
  const life = expiresMs === 0 ? TOKEN_MS : expiresMs;
  checkLife(life);
  return newToken(deps, { uses: 1, expiresMs: life, labels: {}, createdBy, operator: name });
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

function lifeIn(ms: number): number {
  if (ms === 0) return OPERATOR_MS;
  if (ms >= SHORTEST_MS && ms <= LONGEST_OPERATOR_MS) return ms;
  const range = `${formatDuration(SHORTEST_MS)} to ${formatDuration(LONGEST_OPERATOR_MS)}`;
  throw refused("bad-argument", `an operator's certificate lives ${range}`);
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
    case "last-admin":
      throw refused("bad-argument", `${name} is the last admin who can act; have another one log in first`);
  }
}

function toWire({ name, role, createdAt, lifeMs, certifiedUntil, removedAt }: Operator) {
  return { name, role, createdAt, lifeMs, certifiedUntil: certifiedUntil ?? 0, removedAt: removedAt ?? 0 };
}
