import { usageError } from "@afterpatch/core/command-error";
import { durationOf, wholeNumberOf } from "@afterpatch/core/command-line";
import { formatDuration } from "@afterpatch/core/duration";
import { visible } from "@afterpatch/core/text";
import type { pb } from "@afterpatch/wire/messages";
import type { Argv } from "yargs";
import { command } from "../../command.ts";
import { table } from "../../render/table.ts";
import { instant } from "../../render/time.ts";
import type { Shell } from "../../shell.ts";
import { answered, answeredInSecret, confirm, EXITS, reasonIn, reasonOption, trust, yesOption } from "./common.ts";
import { expiresIn } from "./tokens.ts";

const ONE = `${EXITS}; 6 no such operator`;
const ROLES = ["viewer", "operator", "admin"] as const;
const named = (parser: Argv) => parser.positional("name", { type: "string", demandOption: true, describe: "Operator" });
const roleOption = {
  choices: ROLES,
  demandOption: true,
  requiresArg: true,
  describe: "viewer looks, operator starts and stops rollouts, admin decides who is let in",
} as const;

export const operatorsList = command({
  syntax: "list",
  summary: "Who may operate, and how",
  options: (parser: Argv) => parser,
  exits: EXITS,
  examples: [["afterpatch operators list", "who may reboot the fleet"]],
  run: (args, shell) =>
    answered(args, shell, async (ask) => {
      const answer = await ask("operators list", (await trust()).listOperators, {});
      const operators = answer.operators.map(documentOf);
      const columns = ["OPERATOR", "KIND", "ROLE", "CERTIFICATES LIVE", "CERTIFIED UNTIL", "STATE"].map((title) => ({
        title,
      }));
      const rows = operators.map(({ name, role, machine, maxHosts, certificateLife, certifiedUntil, revokedAt }) => {
        const kind = machine ? (maxHosts === null ? "machine" : `machine, ${maxHosts} hosts at most`) : "person";
        const state =
          revokedAt === null ? (certifiedUntil === null ? "has not logged in" : "let in") : `revoked ${revokedAt}`;
        return [name, kind, role, certificateLife, certifiedUntil ?? "-", state].map((text) => ({ text }));
      });
      return {
        document: { schema: "afterpatch.operators/v1", operators },
        lines: operators,
        table: (paint) => table(columns, rows, paint),
      };
    }),
});

function documentOf(operator: pb.v1.OperatorInfo) {
  const { name, role, lifeMs, createdAt, certifiedUntil, removedAt, machine, maxHosts } = operator;
  return {
    ...{ name: visible(name), role: visible(role), machine, maxHosts: maxHosts === 0 ? null : maxHosts },
    certificateLife: formatDuration(lifeMs),
    createdAt: instant(createdAt),
    certifiedUntil: certifiedUntil === 0 ? null : instant(certifiedUntil),
    revokedAt: removedAt === 0 ? null : instant(removedAt),
  };
}

export const operatorsAdd = command({
  syntax: "add <name>",
  summary: "Make an operator, and print a token to log in with",
  options: (parser) =>
    named(parser)
      .option("role", roleOption)
      .option("life", {
        type: "string",
        requiresArg: true,
        describe:
          "How long each certificate lives, 1m to 365d; one that is used renews itself, but not a machine's, which has 24h at most [default: 12h, of a machine 1h]",
      })
      .option("machine", {
        type: "boolean",
        default: false,
        describe: "A pipeline: its token may be used again and again until it ends or is revoked",
      })
      .option("max-hosts", {
        type: "string",
        requiresArg: true,
        describe: "Of a machine: the controller refuses its rollouts of more hosts than this",
      })
      .option("expires", LOGIN_EXPIRES),
  exits: EXITS,
  examples: [
    ["afterpatch operators add carol --role operator > carol.token", "carol logs in with it, once"],
    [
      "afterpatch operators add ci --role operator --machine --life 4h --max-hosts 50 > ci.token",
      "the secret of a pipeline, for 90 days; each run gets a certificate of four hours",
    ],
  ],
  run: async (args, shell) => {
    const { name, role, machine } = args;
    const lifeMs = durationOf("--life", args.life) ?? 0;
    if (args.life !== undefined && lifeMs === 0) throw usageError("--life", "'0s' is no life", "write 1m to 365d");
    const maxHosts = args.maxHosts === undefined ? 0 : wholeNumberOf("--max-hosts", args.maxHosts, 1, 1_000_000);
    const expiresMs = loginExpiresIn(args.expires);
    const wanted = { name, role, lifeMs, expiresMs, machine, maxHosts };
    const make = async (ask: Asks) =>
      tokenResult(shell, await ask(`operators add`, (await trust()).addOperator, wanted));
    return answeredInSecret(args, shell, make);
  },
});

/** The controller knows whose it is, and refuses what is too long. */
const LOGIN_EXPIRES = {
  type: "string",
  requiresArg: true,
  describe: "How long the token is valid, at most 24h, of a machine 365d [default: 1h, of a machine 90d]",
} as const;

function loginExpiresIn(text: string | undefined): number {
  return text === undefined ? 0 : expiresIn(text, 365 * 86_400_000);
}

type Asks = Parameters<Parameters<typeof answered>[2]>[0];

export const operatorsToken = command({
  syntax: "token <name>",
  summary: "Another login token, for an operator whose key is lost or whose certificate has ended",
  options: (parser) => named(parser).option("expires", LOGIN_EXPIRES),
  exits: ONE,
  examples: [
    ["afterpatch operators token carol > carol.token", "carol has a new laptop"],
    [
      "afterpatch operators token ci --expires 30d > ci.token",
      "a machine's next one; 'token revoke' ends the one before",
    ],
  ],
  run: async (args, shell) => {
    const expiresMs = loginExpiresIn(args.expires);
    const make = async (ask: Asks) =>
      tokenResult(
        shell,
        await ask("operators token", (await trust()).createLoginToken, { name: args.name, expiresMs }),
      );
    return answeredInSecret(args, shell, make);
  },
});

function tokenResult(shell: Shell, { token, expiresAt, operator, enrolAddress }: pb.v1.LoginToken) {
  const [name, enrol] = [visible(operator?.name ?? ""), visible(enrolAddress)];
  const often = operator?.machine ? ", as often as it likes," : "";
  shell.err(`${name} logs in until ${instant(expiresAt)}${often} with: afterpatch login ${enrol} --token-file FILE\n`);
  const document = {
    ...{ schema: "afterpatch.token/v1", token: visible(token), expiresAt, operator: name, enrolAddress: enrol },
  };
  return { document, table: () => `${visible(token)}\n` };
}

export const operatorsRole = command({
  syntax: "role <name>",
  summary: "Give an operator another role; it holds from the next call on",
  options: (parser) => reasonOption(named(parser).option("role", roleOption)),
  exits: ONE,
  examples: [["afterpatch operators role carol --role viewer --reason 'left the team'", "she only looks from now on"]],
  run: async (args, shell) => {
    const { name, role } = args;
    const reason = reasonIn(args.reason);
    return answered(args, shell, async (ask) => {
      const answer = await ask("operators role", (await trust()).setOperatorRole, { name, role, reason });
      const operator = documentOf(answer);
      const more =
        "A certificate names a role too, and the lesser of both holds: a higher one comes with the next renewal or login.\n";
      return {
        document: { schema: "afterpatch.operators/v1", operators: [operator] },
        table: () => `${operator.name} is ${operator.role} now\n${operator.role === "viewer" ? "" : more}`,
      };
    });
  },
});

export const operatorsRevoke = command({
  syntax: "revoke <name>",
  summary: "Let an operator in no more, for good, and end the connections at once",
  options: (parser) => yesOption(reasonOption(named(parser))),
  exits: ONE,
  examples: [["afterpatch operators revoke carol --reason 'laptop stolen' --yes", "her key may be in wrong hands"]],
  run: async (args, shell) => {
    const { name } = args;
    const reason = reasonIn(args.reason);
    return answered(args, shell, async (ask) => {
      await confirm(shell, "operators revoke", `Revoke operator ${visible(name)} for good?`, args.yes);
      const operator = documentOf(await ask("operators revoke", (await trust()).revokeOperator, { name, reason }));
      const document = { schema: "afterpatch.operators/v1", operators: [operator] };
      return { document, table: () => `Revoked operator ${operator.name}\n` };
    });
  },
});
