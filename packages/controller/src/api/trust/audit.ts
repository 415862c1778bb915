import { type Handlers, unary } from "@afterpatch/wire/rpc";
import type { trustService } from "@afterpatch/wire/services";
import type { Authority } from "../../ca/authority.ts";
import type { Audit } from "../../store/audit.ts";

export interface AuditDeps {
  readonly audit: Audit;
  readonly authority: Authority;
}

export type AuditCalls = "listAudit" | "getAuthority";
const MOST = 1_000;

/** What was done, and which CA vouches for all of it. */
export function auditHandlers({ audit, authority }: AuditDeps): Pick<Handlers<typeof trustService>, AuditCalls> {
  return {
    listAudit: unary(async ({ after, limit, newest }) => {
      const most = limit === 0 ? MOST : Math.min(limit, MOST);
      const { seq, sha256 } = await audit.head();
      const entries = await audit.page(newest ? Math.max(0, seq - most) : after, most);
      return { entries: [...entries], headSeq: seq, headSha256: sha256 };
    }),
    getAuthority: unary(async () => ({ root: authority.root, pin: authority.pin, issuing: authority.issuing() })),
  };
}
