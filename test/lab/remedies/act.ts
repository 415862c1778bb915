// Runs on a host: takes a step's evidence from a scan, lets a command happen, and only then carries the step out.
// usage: act.ts KIND TARGET COMMAND, and prints what came of it as JSON
import { spawnSync } from "node:child_process";
import { realMachine } from "@afterpatch/agent/machine";

const [kind = "", target = "", command = "true"] = process.argv.slice(2);
const machine = realMachine({ hostId: null, name: "host" }, async (scan) => scan);
const step = { kind, target };
const before = await machine.evidence(step);
spawnSync("bash", ["-c", command], { stdio: ["ignore", "inherit", "inherit"] });
const signal = new AbortController().signal;
console.log(JSON.stringify({ before, performed: await machine.perform(step, before, { graceMs: 2000, signal }) }));
