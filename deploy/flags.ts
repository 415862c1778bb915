/**
 * Options of node(1) with which each program runs, in a checkout, in a bundle and in a single executable: no code is made
 * from strings, no prototype is reached through data, and what nobody caught ends the program.
 */
const SAFE = ["--disallow-code-generation-from-strings", "--disable-proto=throw", "--unhandled-rejections=strict"];

export const FLAGS = {
  // V8 compiles a function of its own before ours can say so: the code that does it would stay in the daemon's memory.
  agent: [...SAFE, "--no-maglev"],
  controller: SAFE,
  cli: SAFE,
} as const satisfies Record<string, readonly string[]>;
