import { createHash, X509Certificate } from "node:crypto";
import { visible } from "@afterpatch/core/text";
import type { Argv } from "yargs";
import { command } from "../../command.ts";
import { answered, EXITS, trust } from "./common.ts";

export const caShow = command({
  syntax: "show",
  summary: "The controller's CA: what agents and operators trust, and how long it holds",
  options: (parser: Argv) => parser,
  exits: EXITS,
  examples: [["afterpatch ca show", "compare its pin with that of a join token"]],
  run: (args, shell) =>
    answered(args, shell, async (ask) => {
      const { root, pin, issuing } = await ask("ca show", (await trust()).getAuthority, {});
      const document = { schema: "afterpatch.ca/v1", pin: visible(pin), root: about(root), issuing: about(issuing) };
      const line = (what: string, { subject, sha256, notAfter, daysLeft }: About) =>
        `${what}  ${subject}\n  until    ${notAfter} (${daysLeft} days left)\n  SHA-256  ${sha256}\n`;
      const isOne = document.root.sha256 === document.issuing.sha256;
      const issuer = isOne
        ? "Issuing  the root itself, as an older version made it\n"
        : line("Issuing", document.issuing);
      return { document, table: () => `Pin      ${document.pin}\n${line("Root   ", document.root)}${issuer}` };

      function about(pem: string): About {
        const certificate = new X509Certificate(pem);
        const end = certificate.validToDate.getTime();
        return {
          subject: visible(certificate.subject),
          sha256: createHash("sha256").update(certificate.raw).digest("hex"),
          notAfter: new Date(end).toISOString(),
          daysLeft: Math.floor((end - shell.now()) / 86_400_000),
        };
      }
    }),
});

interface About {
  readonly subject: string;
  readonly sha256: string;
  readonly notAfter: string;
  readonly daysLeft: number;
}
