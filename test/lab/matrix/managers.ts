import { type Answer, type Scenario, unitOf } from "./scenario.ts";
import type { Shop } from "./shop.ts";

function oldSupervised(manager: string, name: string): Answer {
  return { kind: "old", verdict: "replaced", owner: `service ${manager} ${name}`, remedy: "restart-service" };
}

const why =
  "its supervisor, which runs in a unit of its own, keeps it: a restart of that unit would take every other service along";

/** Services of supervisors that run beside systemd, in units of their own. */
export const managers: readonly Scenario[] = [
  {
    name: "runit-service",
    made: "runsvdir runs in a unit and keeps a service; the service's library is replaced",
    answer: oldSupervised("runit", "matrix-runit"),
    why,
    notUnits: [unitOf("runit-service")],
    needs: "/usr/bin/runsvdir",
    make: (shop) => supervised(shop, "matrix-runit", (services) => `runsvdir -P ${services}`),
  },
  {
    name: "s6-service",
    made: "s6-svscan runs in a unit and keeps a service; the service's library is replaced",
    answer: oldSupervised("s6", "matrix-s6"),
    why,
    notUnits: [unitOf("s6-service")],
    needs: "/usr/bin/s6-svscan",
    make: (shop) => supervised(shop, "matrix-s6", (services) => `s6-svscan ${services}`),
  },
  {
    name: "supervisord-program",
    made: "supervisord runs in a unit and keeps a program; the program's library is replaced",
    answer: oldSupervised("supervisord", "matrix-program"),
    why,
    notUnits: [unitOf("supervisord-program")],
    needs: "/usr/bin/supervisord",
    make: async (shop) => {
      await shop.sh(`cat >conf <<END
[supervisord]
logfile=/dev/null
logfile_maxbytes=0
pidfile=/run/matrix-supervisord.pid
[program:matrix-program]
command=${shop.at("program")} --ready=${shop.at("ready")} ${shop.at("library.so")}
END`);
      return replaced(shop, `supervisord -n -c ${shop.at("conf")}`);
    },
  },
];

async function supervised(shop: Shop, name: string, command: (services: string) => string) {
  const run = `#!/bin/sh\\nexec ${shop.at("program")} --ready=${shop.at("ready")} ${shop.at("library.so")}\\n`;
  await shop.sh(`mkdir -p services/${name}; printf '${run}' >services/${name}/run; chmod 755 services/${name}/run`);
  return replaced(shop, command(shop.at("services")));
}

async function replaced(shop: Shop, command: string) {
  const pid = await shop.started(
    `rm -f "$ready"; ln -s ${shop.at("ready")} "$ready"; systemd-run --unit=${shop.unit} --collect --quiet ${command}`,
  );
  await shop.replace("library.so");
  return { old: [pid], path: shop.at("library.so") };
}
