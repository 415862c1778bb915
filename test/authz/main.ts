import { underLoad } from "./load.ts";
import { authorisationMatrix, unexpected } from "./matrix.ts";

// `npm run test:authz`: every method by every identity, at both ports; revocation and renewal under load.

const cells = await authorisationMatrix();
const wrong = unexpected(cells);
const count = (key: "somebody" | "method") => new Set(cells.map((cell) => cell[key])).size;
for (const name of new Set(cells.map(({ somebody }) => somebody))) {
  const own = cells.filter(({ somebody, port }) => somebody === name && port === "fleet");
  const letIn = own.filter(({ isLetIn }) => isLetIn).length;
  process.stdout.write(`${name.padEnd(44)} ${String(letIn).padStart(3)} of ${own.length} methods at the fleet port\n`);
}
for (const { somebody, port, method, isLetIn } of wrong)
  process.stdout.write(`WRONG: ${somebody} at the ${port} port: ${method} was ${isLetIn ? "let in" : "refused"}\n`);
const allowed = wrong.filter(({ isLetIn }) => isLetIn).length;
process.stdout.write(
  `${cells.length} calls (${count("method")} methods x ${count("somebody")} identities x 2 ports): ` +
    `${allowed} unexpected allows, ${wrong.length - allowed} unexpected refusals\n`,
);

const load = await underLoad(300);
process.stdout.write(
  `${load.hosts} hosts on their streams: ${load.revoked} revoked, the slowest cut after ${load.slowestCutMs} ms, ${load.cameBack} came back; ` +
    `${load.renewals} certificates renewed meanwhile, ${load.renewalsFailed} were not; ${load.lostStreams} other streams ended\n`,
);
const isSafe = load.cameBack + load.lostStreams + load.renewalsFailed === 0;
process.exitCode = wrong.length === 0 && cells.length > 0 && isSafe ? 0 : 1;
