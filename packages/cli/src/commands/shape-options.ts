import { parseRollout } from "@afterpatch/config/rollout";
import { usageError } from "@afterpatch/core/command-error";
import { formatDuration } from "@afterpatch/core/duration";
import { WEEKDAYS, type WindowInFile } from "@afterpatch/core/policy/agent-file";
import { DEFAULT_REBOOT, type RebootOrder } from "@afterpatch/core/plan/reboot";
import { API_VERSION, type HookInFile, type RolloutFile, type WaveInFile } from "@afterpatch/core/rollout-file/file";
import { echoed } from "@afterpatch/core/text";
import type { Argv } from "yargs";
import { durationOf } from "@afterpatch/core/command-line";
import { serialOf } from "../arguments.ts";
import { readRollout, refuseTwice, type RolloutInput } from "../rollout-file.ts";

/** The simple cases of a rollout's file, for people who do not want one. */
export function shapeOptions<T>(parser: Argv<T>) {
  return parser
    .option("by", { type: "string", requiresArg: true, describe: "Hosts of one value of this label at a time: zone" })
    .option("bake", { type: "string", requiresArg: true, describe: "Wait so long after the first batch: 30m" })
    .option("window", {
      type: "string",
      requiresArg: true,
      describe: "Hosts begin inside of it alone: '[DAYS] HH:MM DURATION ZONE', as in 'sat,sun 22:00 4h Europe/Paris'",
    })
    .option("drain-cmd", {
      type: "string",
      requiresArg: true,
      describe: "Program of the controller's --hooks-dir that takes {host} out of service; its words end at spaces",
    })
    .option("undrain-cmd", { type: "string", requiresArg: true, describe: "The one that puts it back" });
}

export interface ShapeArgs {
  readonly file?: string | undefined;
  readonly serial: string;
  readonly maxFail?: string | undefined;
  readonly by?: string | undefined;
  readonly bake?: string | undefined;
  readonly window?: string | undefined;
  readonly drainCmd?: string | undefined;
  readonly undrainCmd?: string | undefined;
}

/** What is ordered: a file with nothing beside it, or the flags. */
export interface Shaped {
  readonly input: RolloutInput | null;
  readonly serial: string;
  readonly maxFail: string | undefined;
  readonly reboot: RebootOrder;
}

/** Reads the file, or makes one of flags that the protocol knows in a file alone. Throws CommandError. */
export async function shapedBy(args: ShapeArgs, reboot: RebootOrder, say: (text: string) => void): Promise<Shaped> {
  const serial = serialOf(args.serial);
  const given = SHAPE_KEYS.find((key) => args[key] !== undefined);
  if (args.file !== undefined) {
    if (given !== undefined) throw usageError(optionOf(given), `the file says it (${FILE_KEYS[given]})`, LEAVE_OUT);
    const input = await readRollout(args.file, say);
    refuseTwice(args, reboot, input);
    return { input, serial, maxFail: args.maxFail, reboot };
  }
  const isPercent = args.maxFail?.endsWith("%") === true;
  if (given === undefined && !isPercent) return { input: null, serial, maxFail: args.maxFail, reboot };
  const content = JSON.stringify(fileOf(args, reboot));
  return { input: inputOf(content), serial: "1", maxFail: undefined, reboot: DEFAULT_REBOOT };
}

/** What is wrong with the made file is wrong with the flag that the part is of. */
function inputOf(content: string): RolloutInput {
  const parsed = parseRollout(content);
  if (parsed.kind === "rollout") return { text: content, spec: parsed.spec };
  const { key, what } = parsed.mistakes[0] ?? { key: "", what: content };
  const option = SHAPE_KEYS.find((one) => key.startsWith(FILE_KEYS[one]));
  throw usageError(option === undefined ? "flags" : optionOf(option), what, "see docs/rollout-file.md");
}

const SHAPE_KEYS = ["by", "bake", "window", "drainCmd", "undrainCmd"] as const;
const FILE_KEYS = {
  by: "budgets",
  bake: "waves",
  window: "windows",
  drainCmd: "hooks.drain",
  undrainCmd: "hooks.undrain",
} as const;
const LEAVE_OUT = "leave one of the two out";

function optionOf(key: (typeof SHAPE_KEYS)[number]): string {
  return `--${key.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)}`;
}

function fileOf(args: ShapeArgs, reboot: RebootOrder): RolloutFile {
  const { by, window, maxFail } = args;
  return {
    apiVersion: API_VERSION,
    kind: "Rollout",
    actions: actionsOf(reboot),
    timing: { reboot: formatDuration(reboot.withinMs) },
    waves: wavesOf(args),
    ...(by === undefined ? {} : { budgets: [{ by: labelKey(by), maxGroups: 1 }] }),
    ...(maxFail === undefined ? {} : { stop: stopOf(maxFail) }),
    ...(window === undefined ? {} : { windows: [windowOf(window)] }),
    ...hooksOf(args),
  };
}

function actionsOf({
  mode,
  method,
  sessionsFirst,
  message,
  delayMs,
}: RebootOrder): NonNullable<RolloutFile["actions"]> {
  if (mode === "never") return { reboot: mode };
  const told = message === "" ? {} : { message };
  return { reboot: mode, rebootMethod: method, sessionsFirst, ...told, delay: formatDuration(delayMs) };
}

/** With a bake the first batch is a wave of its own, so that its hosts are watched before the others begin. */
function wavesOf({ serial, bake }: ShapeArgs): readonly WaveInFile[] {
  const ramp = serial.split(",").map((size) => (size.trim().endsWith("%") ? size.trim() : Number(size)));
  if (bake === undefined) return [{ name: "all", ramp }];
  durationOf("--bake", bake);
  const [first = 1, ...others] = ramp;
  if (typeof first === "string") {
    throw usageError("--bake", `the first batch of --serial ${serial} is no number of hosts`, "begin with one: 1,25%");
  }
  const rest = others.length > 0 ? others : [first];
  return [
    { name: "first", pick: { per: [], count: first }, ramp: [first], bake },
    { name: "rest", ramp: rest },
  ];
}

function stopOf(maxFail: string): NonNullable<RolloutFile["stop"]> {
  if (/^[0-9]{1,7}$/.test(maxFail)) return { maxFailures: Number(maxFail) };
  if (/^(?:[1-9][0-9]?|100)%$/.test(maxFail)) return { maxFailuresPercent: maxFail };
  throw usageError("--max-fail", `${echoed(maxFail)} is no number of hosts`, "write a number, or a percentage: 5%");
}

function labelKey(text: string): string {
  if (/^[a-z][a-z0-9_.-]{0,62}$/.test(text)) return text;
  throw usageError("--by", `${echoed(text)} is no key of a label`, "name one, such as zone");
}

function windowOf(text: string): WindowInFile {
  const match = /^(?:([a-z]{3}(?:,[a-z]{3})*) )?([0-2][0-9]:[0-5][0-9]) ([0-9]+[smhd]) ([A-Za-z0-9_+/-]+)$/.exec(text);
  const [, days, start, duration, tz] = match ?? [];
  const known = days?.split(",").map((day) => WEEKDAYS.find((one) => one === day));
  if (start === undefined || duration === undefined || tz === undefined || known?.includes(undefined)) {
    const form = "write '[DAYS] HH:MM DURATION ZONE', as in 'sat,sun 22:00 4h Europe/Paris'";
    throw usageError("--window", `${echoed(text)} is no window`, form);
  }
  durationOf("--window", duration);
  const on = known?.filter((day) => day !== undefined);
  return { ...(on === undefined ? {} : { days: on }), start, duration, tz };
}

function hooksOf({ drainCmd, undrainCmd }: ShapeArgs): Pick<RolloutFile, "hooks"> {
  if (drainCmd === undefined && undrainCmd === undefined) return {};
  const [missing, there] = drainCmd === undefined ? ["--drain-cmd", "--undrain-cmd"] : ["--undrain-cmd", "--drain-cmd"];
  if (drainCmd === undefined || undrainCmd === undefined) {
    throw usageError(there, `${missing} is missing`, "give both: what is taken out of service is put back");
  }
  return { hooks: { drain: hookOf("--drain-cmd", drainCmd), undrain: hookOf("--undrain-cmd", undrainCmd) } };
}

function hookOf(option: string, text: string): HookInFile {
  const command = text.split(" ").filter((word) => word !== "");
  if (command[0]?.startsWith("/") === true) return { command };
  const todo = "give its whole path: '/etc/afterpatch/hooks/lb drain {host}'";
  throw usageError(option, `${echoed(text)} does not begin with a program's path`, todo);
}
