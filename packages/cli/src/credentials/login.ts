import { createPrivateKey, X509Certificate } from "node:crypto";
import { CommandError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { visible } from "@afterpatch/core/text";
import { type Address, formatAddress, parseAddress } from "@afterpatch/wire/address";
import { controllerClient } from "@afterpatch/wire/credentials";
import { certificates, leadsTo } from "@afterpatch/wire/pem";
import { certificateRequest, newKey } from "@afterpatch/wire/request";
import { call } from "@afterpatch/wire/rpc";
import { enrollService } from "@afterpatch/wire/services";
import type { JoinToken } from "@afterpatch/wire/token";
import { TrustError, trustedRoot } from "@afterpatch/wire/trusted-root";
import { type ServiceError, status } from "@grpc/grpc-js";

/** What a login comes to: PEM texts, and addresses as they are kept. */
export interface Login {
  readonly name: string;
  readonly role: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** HOST:PORT of the fleet port and of the enrol port. */
  readonly controller: string;
  readonly enrol: string;
  /** It is not renewed. */
  readonly isMachine: boolean;
  readonly until: number;
}

/** Makes a key and has it certified; the token's secret is sent to nobody but the controller that it names. */
export async function certified(
  address: Address,
  token: JoinToken,
  now: number,
  { patienceMs, lifeMs }: { readonly patienceMs: number; readonly lifeMs: number },
): Promise<Login> {
  const where = formatAddress(address);
  const fail = (why: string, todo: string, cause?: unknown, exit: 4 | 5 = EXIT.usage) =>
    new CommandError(exit, where, why, todo, { cause });
  const again = "ask an admin for another one: 'afterpatch operators token NAME'";
  if (now >= token.expiresAt) throw fail(`the token expired at ${new Date(token.expiresAt).toISOString()}`, again);
  const ca = await trustedRoot(address, token.pin, now, patienceMs).catch((error: unknown) => {
    if (!(error instanceof TrustError)) throw error;
    const todo = error.todo.replaceAll("--controller", "the address");
    throw fail(error.why, todo, error, error.code === "unreachable" ? EXIT.unreachable : EXIT.usage);
  });
  const key = newKey();
  const csr = await certificateRequest(key);
  const client = controllerClient(address, { ca });
  try {
    const request = { tokenId: token.id, tokenSecret: token.secret, csr, lifeMs };
    const answer = await call(client, enrollService.login, request, patienceMs);
    const fleet = parseAddress(answer.fleetAddress);
    if (!fleet || !fits(answer.certificate, ca, key))
      throw fail("the certificate it sent does not fit", "ask an admin");
    const { name, role, certificate: cert, machine: isMachine } = answer;
    const until = new X509Certificate(cert).validToDate.getTime();
    return { name, role, ca, cert, key, controller: formatAddress(fleet), enrol: where, isMachine, until };
  } catch (error) {
    if (!isServiceError(error)) throw error;
    const isAway = error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED;
    if (isAway && /certificate.required|alert number 116/i.test(error.details))
      throw fail("this is the controller's fleet port", "give the address of its enrol port, 7444 by default", error);
    if (isAway) throw fail(`cannot be reached: ${error.details}`, "check the address", error, EXIT.unreachable);
    if (error.code === status.UNIMPLEMENTED)
      throw fail("not an enrol port", "give the controller's, 7444 by default", error);
    const isAsked = error.code === status.FAILED_PRECONDITION || error.code === status.INVALID_ARGUMENT;
    throw fail(`login refused: ${visible(error.details)}`, isAsked ? "see --lifetime" : again, error);
  } finally {
    client.close();
  }
}

function fits(certificate: string, ca: string, key: string): boolean {
  try {
    const chain = certificates(certificate);
    return chain[0]?.checkPrivateKey(createPrivateKey(key)) === true && leadsTo(chain, new X509Certificate(ca));
  } catch {
    return false; // no certificate at all
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "details" in error && "metadata" in error;
}
