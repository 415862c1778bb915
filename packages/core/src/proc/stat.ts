/** What is needed of /proc/PID/stat, see proc_pid_stat(5). */
export interface ProcessStat {
  readonly comm: string;
  readonly state: string;
  readonly ppid: number;
  readonly sid: number;
  readonly isKernelThread: boolean;
  readonly startTicks: number;
}

const PF_KTHREAD = 0x00200000;

/** Null when the text is cut or no stat line. The name may hold anything, `)` and newlines too: fields start after the last `)`. */
export function parseStat(text: string): ProcessStat | null {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return null;
  const fields = text.slice(close + 2).split(" ", 20);
  const [state = ""] = fields;
  const [ppid, sid, flags, startTicks] = [1, 3, 6, 19].map((at) => Number(fields[at] ?? "x"));
  if (ppid === undefined || sid === undefined || flags === undefined || startTicks === undefined) return null;
  if (![ppid, sid, flags, startTicks].every(Number.isSafeInteger)) return null;
  const isKernelThread = (flags & PF_KTHREAD) !== 0;
  return { comm: text.slice(open + 1, close), state, ppid, sid, isKernelThread, startTicks };
}
