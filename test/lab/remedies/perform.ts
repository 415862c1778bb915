// Runs on a host: takes a step's evidence, lets a command happen, and only then carries the step out.
// usage: perform.ts KIND TARGET COMMAND, and prints what came of it as JSON
import { spawnSync } from "node:child_process";
import { machineOn } from "@afterpatch/agent/effects/effects";

const [kind = "", target = "", command = "true"] = process.argv.slice(2);
const machine = machineOn(() => Promise.reject(new Error("nothing is scanned here")));
const step = { kind, target };
const before = await machine.evidence(step);
spawnSync("sh", ["-c", command], { stdio: "inherit" });
const signal = new AbortController().signal;
const performed = await machine.perform(step, before, { graceMs: 1000, signal });
const wrong = performed.outcome === "done" ? await machine.settled(step, before) : null;
console.log(JSON.stringify({ ...performed, wrong, happened: await machine.happened(step, before) }));
