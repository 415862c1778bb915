import { parseArgs } from "node:util";
import { framesAtAController } from "./campaign.ts";
import { damagedMessages } from "./messages.ts";
import { propertyRounds } from "./properties.ts";

const HELP = `Malformed frames at a controller, damaged messages through every parser, and the properties of the tests.

  npm run fuzz                                    a million frames, a million messages, ten minutes of properties
  npm run fuzz -- --frames 20000 --messages 0 --minutes 0
  npm run fuzz -- --seed 7                        other frames and messages

Exit code 1 when anything but a refusal came of it.
`;

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "1000000" },
    messages: { type: "string", default: "1000000" },
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", short: "h", default: false },
  },
});

function whole(option: keyof typeof values): number {
  const text = String(values[option]);
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  process.stderr.write(`fuzz: --${option} ${text}: not a whole number; see npm run fuzz -- --help\n`);
  process.exit(5);
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const mib = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;

async function main(): Promise<number> {
  const [frames, messages, minutes, seed] = [whole("frames"), whole("messages"), whole("minutes"), whole("seed")];
  let wrong = 0;
  if (messages > 0) {
    const start = performance.now();
    const done = await damagedMessages(messages, seed);
    const seconds = Math.round((performance.now() - start) / 1000);
    for (const complaint of done.complaints) say(`WRONG: ${complaint}`);
    say(
      `${done.messages} damaged messages in ${seconds} s: ${done.understood} understood, the others refused, ${done.complaints.length} complaints`,
    );
    wrong += done.complaints.length;
  }
  if (frames > 0) {
    const start = performance.now();
    const done = await framesAtAController(frames, seed);
    const seconds = Math.round((performance.now() - start) / 1000);
    for (const complaint of done.complaints) say(`WRONG: ${complaint}`);
    const memory = `memory ${mib(done.rssBefore)} after the half, ${mib(done.rssAfter)} at the end`;
    const refused = `${done.connectionsRefused} refused before a frame`;
    say(
      `${done.frames} malformed frames on ${done.connections} connections (${refused}) in ${seconds} s: ${memory}, ${done.complaints.length} complaints`,
    );
    wrong += done.complaints.length;
  }
  if (minutes > 0) wrong += propertyRounds(minutes);
  return wrong === 0 ? 0 : 1;
}

if (values.help) process.stdout.write(HELP);
else process.exitCode = await main();
