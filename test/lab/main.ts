import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { exitCode, LabError } from "./commands.ts";
import { leader, reboot, spawnInside } from "./host.ts";
import { type Init, inits } from "./init.ts";
import { down, find, hostOf, type Lab, labNames, type UpOptions, up } from "./lab.ts";
import { controllerAddress } from "./network.ts";

const help = `Real hosts on this machine: an init, network, package database, xinetd and sshd of their own each.

  npm run lab -- up 3                        make web01, web02 and web03 (the first time also the image: two minutes)
  npm run lab -- up web01,db01 --payload DIR make hosts of these names; they see DIR as /opt/afterpatch
  npm run lab -- up 1 --init sysvinit        hosts whose PID 1 is sysvinit, with SysV services
  npm run lab -- list                        what there is
  npm run lab -- shell 1                     a shell on the first host; also by name
  npm run lab -- exec web02 -- systemctl status xinetd
  npm run lab -- exec ctl -- ping -c1 web01  a command beside the hosts, where the controller runs
  npm run lab -- reboot 1
  npm run lab -- down                        remove everything that was made

--name NAME selects a lab, "lab" unless told otherwise. Images and labs are kept in $AFTERPATCH_LAB_CACHE,
else in ~/.cache/afterpatch/lab.`;

async function main(argv: readonly string[]): Promise<number> {
  const end = argv.indexOf("--");
  const own = end === -1 ? argv : argv.slice(0, end);
  const command = end === -1 ? [] : argv.slice(end + 1);
  const { values, positionals } = parse(own);
  const [verb, which, ...more] = positionals;
  if (values.help || verb === "help") {
    console.log(help);
    return 0;
  }
  const { name } = values;
  if (more.length > 0) throw usage(more.join(" "), "too many words", `put a command to run after "--"`);
  switch (verb) {
    case "up":
      return start(name, which, { payload: values.payload, init: initNamed(values.init) });
    case "down":
      return remove(name);
    case "list":
      return list();
    case "shell":
      return inside(await existing(name), which, ["bash", "-l"]);
    case "exec":
      return inside(await existing(name), which, command);
    case "reboot": {
      await reboot(hostOf(await existing(name), needed("reboot", which)));
      return 0;
    }
    case undefined:
      throw usage("no command", "one is needed", "see npm run lab -- --help");
    default:
      throw usage(verb, "no such command", "use up, list, shell, exec, reboot or down");
  }
}

function parse(own: readonly string[]) {
  try {
    return parseArgs({
      args: [...own],
      allowPositionals: true,
      options: {
        name: { type: "string", default: "lab" },
        payload: { type: "string" },
        init: { type: "string", default: "systemd" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw usage("arguments", error instanceof Error ? error.message : String(error), "see npm run lab -- --help");
  }
}

type Made = Required<Pick<UpOptions, "payload" | "init">>;

async function start(name: string, which: string | undefined, made: Made): Promise<number> {
  const count = needed("up", which);
  const hosts = /^\d+$/.test(count) ? Number(count) : count.split(",");
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => abort.abort());
  try {
    await up({ name, hosts, ...made, signal: abort.signal, say: (line) => console.log(line) });
    return 0;
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    console.error(`lab: up: interrupted; what was made of lab ${name} is removed`);
    return 130;
  }
}

function initNamed(word: string): Init {
  const known = Object.keys(inits) as Init[]; // its keys are all of them
  const init = known.find((name) => name === word);
  if (init === undefined) throw usage(`--init ${word}`, "there is no such init", `use ${known.join(" or ")}`);
  return init;
}

async function remove(name: string): Promise<number> {
  console.log((await down(name)) ? `lab ${name} is removed` : `there is no lab ${name}`);
  return 0;
}

async function list(): Promise<number> {
  for (const name of await labNames()) {
    const lab = await find(name);
    console.log(`lab ${name}: ctl ${controllerAddress}, namespace ${lab?.switchNamespace ?? "not made yet"}`);
    for (const host of lab?.hosts ?? []) {
      const pid = await leader(host);
      console.log(`  ${host.name} ${host.address} ${pid === undefined ? "off" : `pid ${pid}`} ${host.directory}`);
    }
  }
  return 0;
}

async function inside(lab: Lab, which: string | undefined, command: readonly string[]): Promise<number> {
  const target = needed("exec", which);
  if (command.length === 0) throw usage("exec", "no command", `npm run lab -- exec ${target} -- COMMAND`);
  if (target !== "ctl") {
    const env = { TERM: process.env.TERM ?? "dumb" };
    return exitCode(await spawnInside(hostOf(lab, target), command, { stdio: "inherit", env }));
  }
  return exitCode(spawn("ip", ["netns", "exec", lab.switchNamespace, ...command], { stdio: "inherit" }));
}

async function existing(name: string): Promise<Lab> {
  const lab = await find(name);
  if (lab === undefined) throw new LabError("not-up", `lab ${name}: there is none; make it with "npm run lab -- up 3"`);
  return lab;
}

function needed(verb: string, which: string | undefined): string {
  if (which !== undefined) return which;
  const what = verb === "up" ? "how many hosts, or their names, are missing" : "the host is missing";
  throw usage(verb, what, `say npm run lab -- ${verb} 1`);
}

function usage(what: string, why: string, whatToDo: string): LabError {
  return new LabError("usage", `${what}: ${why}; ${whatToDo}`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof LabError) console.error(`lab: ${error.message}`);
  else console.error("lab:", error);
  process.exitCode = error instanceof LabError && error.code === "usage" ? 5 : 1;
}
