import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a process of the workload is; seven of ten are daemons in C. */
export type Program = "daemon" | "python3" | "perl" | "node" | "sleep";

/** Of fifty processes 36 are daemons, 5 run python3, 2 perl, 3 node, and 4 sleep. Old code, one in twenty, is a daemon's. */
export function programOf(index: number): Program {
  const nth = index % 50;
  if (nth % 10 === 3) return "python3";
  if (nth === 9 || nth === 34) return "perl";
  if (nth === 1 || nth === 21 || nth === 41) return "node";
  return nth % 10 === 5 && nth !== 45 ? "sleep" : "daemon";
}

// Each says so on descriptor 3 when it is set up, as the daemons do, and then waits.
const SCRIPTS = {
  python3: {
    end: "py",
    text: `import json
import os
import signal
import socket

os.write(3, b"x")
os.close(3)
while True:
    signal.pause()
`,
  },
  perl: {
    end: "pl",
    text: `use strict;
use warnings;
use POSIX ();

POSIX::write(3, "x", 1);
POSIX::close(3);
sleep 3600 while 1;
`,
  },
  node: {
    end: "cjs",
    text: `const { closeSync, writeSync } = require("node:fs");
const { createServer } = require("node:http");
writeSync(3, "x");
closeSync(3);
createServer();
setInterval(() => {}, 3_600_000);
`,
  },
} as const;
/** Script files of each language, as if that many services were written in it. */
const SCRIPT_FILES = 10;

/** A line of the specification that holder.c reads, for a process that is no daemon; its script is in a file of `folder`. */
export function otherLine(program: Exclude<Program, "daemon">, index: number, folder: string): string {
  if (program === "sleep") return "-/usr/bin/sleep infinity"; // cannot say that it is set up
  const { end, text } = SCRIPTS[program];
  mkdirSync(folder, { recursive: true });
  const script = join(folder, `service-${Math.floor(index / 10) % SCRIPT_FILES}.${end}`);
  if (!existsSync(script)) writeFileSync(script, text);
  return `/usr/bin/${program} ${script}`;
}
