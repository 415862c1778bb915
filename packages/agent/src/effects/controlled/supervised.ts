import type { SupervisedService, Supervisor } from "@afterpatch/core/supervised/owner";
import { supervisedTarget } from "@afterpatch/core/supervised/owner";
import { textOfBytes } from "@afterpatch/core/text";
import { readSupervised, type SupervisedHere } from "../../supervised/read.ts";
import { actingLock } from "../../lock.ts";
import { processTable, procText } from "../processes.ts";
import { type Ran, run } from "../run.ts";
import type { ServiceControl } from "./control.ts";

// Services of runit, s6 and supervisord, each by its own client: sv(8), s6-svc(8) and supervisorctl(1) of the system's PATH,
// never a path that the service or its process names.

const RESTART_MS = 90_000;
const WAIT_SECONDS = 60;
const CHECK_MS = 20_000;

/** What a supervisor's client is told. */
interface Client {
  readonly program: string;
  readonly restart: (service: SupervisedHere) => readonly string[];
  readonly reload: (service: SupervisedHere) => readonly string[];
  readonly status: (service: SupervisedHere) => readonly string[];
  /** Whether the answer to `status` says that the service is up. */
  readonly isUp: (answer: string) => boolean;
}

const CLIENTS: Readonly<Record<Supervisor, Client>> = {
  runit: {
    program: "sv",
    restart: ({ place }) => ["-w", `${WAIT_SECONDS}`, "restart", place],
    reload: ({ place }) => ["hup", place],
    status: ({ place }) => ["status", place],
    isUp: (answer) => answer.startsWith("run:"),
  },
  s6: {
    program: "s6-svc",
    restart: ({ place }) => ["-wr", "-T", `${WAIT_SECONDS}000`, "-r", place],
    reload: ({ place }) => ["-h", place],
    status: ({ place }) => ["-o", "up", place],
    isUp: (answer) => answer.trim() === "true",
  },
  supervisord: {
    program: "supervisorctl",
    restart: ({ place, name }) => ["-c", place, "restart", name],
    reload: ({ place, name }) => ["-c", place, "signal", "HUP", name],
    status: ({ place, name }) => ["-c", place, "status", name],
    isUp: (answer) => /^\S+\s+RUNNING\b/m.test(answer),
  },
};

export function supervisedControl(wanted: Pick<SupervisedService, "manager" | "name">): ServiceControl {
  const { manager, name } = wanted;
  const client = CLIENTS[manager];
  const called = `the ${manager} service ${name}`;
  const here = () => supervisedHere(wanted);
  const tell = async (
    words: Client["restart"],
    timeoutMs: number,
    isActing: boolean,
    isUnheard = false,
  ): Promise<Ran> => {
    const service = here();
    if (service === null) return { status: null, stdout: "", complaint: `${manager} has no service ${name} any more` };
    const program = words === client.status && manager === "s6" ? "s6-svstat" : client.program;
    const args = words(service).map((word) => (word === service.place ? textOfBytes(word) : word));
    return run(program, args, timeoutMs, { lock: isActing ? actingLock() : null, isUnheard });
  };
  return {
    target: supervisedTarget(wanted),
    name: called,
    by: client.program,
    start: null,
    restart: async () => ({
      ...(await tell(client.restart, RESTART_MS, true)),
      command: `${client.program} for ${name}`,
    }),
    restartUs: () => tell(client.restart, RESTART_MS, false, true),
    reload: () => tell(client.reload, CHECK_MS, true),
    whyNotUp: async () => {
      const { status, stdout, complaint } = await tell(client.status, CHECK_MS, false);
      if (status === null) return `${called}: ${complaint}`;
      return client.isUp(stdout) ? null : `${manager} says of ${name}: ${stdout.trim() || complaint}`;
    },
    isUnderWay: () => isUnderWay(client.program, here()),
    veto: async (old) => whyNot(here(), old, called),
    keepers: () => {
      const service = here();
      return service === null ? [] : [service.supervisor];
    },
  };
}

/** As it is now. Between its end and its next start it has no process, but a supervisor of its own with runit and s6. */
function supervisedHere({ manager, name }: Pick<SupervisedService, "manager" | "name">): SupervisedHere | null {
  const services = readSupervised(processTable());
  return services.find((service) => service.manager === manager && service.name === name) ?? null;
}

/** supervisord's children write their own environment: only what its client calls by the name is restarted. */
async function whyNot(service: SupervisedHere | null, old: readonly number[], called: string): Promise<string | null> {
  if (service === null) return `${called} is not there any more`;
  const table = processTable();
  const isBelow = (pid: number) => {
    for (let at = pid, step = 0; at > 1 && step < 64; at = table.get(at)?.ppid ?? 0, step += 1)
      if (at === service.pid) return true;
    return false;
  };
  const stranger = old.find((pid) => !isBelow(pid));
  if (stranger !== undefined) return `pid ${stranger} is not of ${called}`;
  if (service.manager !== "supervisord") return null;
  const { status, stdout, complaint } = await run(
    "supervisorctl",
    ["-c", textOfBytes(service.place), "pid", service.name],
    CHECK_MS,
  );
  if (status === 0 && stdout.trim() === `${service.pid}`) return null;
  return `supervisorctl does not say that ${service.name} is pid ${service.pid}: ${stdout.trim() || complaint}`;
}

function isUnderWay(program: string, service: SupervisedHere | null): boolean {
  if (service === null) return false;
  return [...processTable().keys()].some((pid) => {
    const words = (procText(pid, "cmdline") ?? "").split("\0");
    const isClient = words.slice(0, 3).some((word) => word === program || word.endsWith(`/${program}`));
    return isClient && (words.includes(service.place) || words.includes(service.name));
  });
}
