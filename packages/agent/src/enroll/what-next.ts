/** What is there on the host that could start the daemon. */
export interface Starters {
  /** systemd is PID 1. */
  readonly isSystemd: boolean;
  readonly hasInitScript: boolean;
}

/** The same two options as the enrolment; null: the default. */
export interface Places {
  readonly config: string | null;
  readonly stateDir: string | null;
}

/** The command that starts the daemon of a host that has just joined. */
export function whatNext({ config, stateDir }: Places, { isSystemd, hasInitScript }: Starters): string {
  const options = [
    ...(config === null ? [] : ["--config", shellWord(config)]),
    ...(stateDir === null ? [] : ["--state-dir", shellWord(stateDir)]),
  ];
  // The packaged daemon looks in the default places alone.
  if (options.length > 0) return ["afterpatch-agent run", ...options].join(" ");
  if (isSystemd) return "systemctl enable --now afterpatch-agent";
  return hasInitScript ? "service afterpatch-agent start" : "afterpatch-agent run";
}

/** To be pasted into a shell. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
