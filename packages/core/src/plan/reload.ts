/**
 * `reload` is the remedy of no service. There are programs that execute themselves anew when they are told to reload, and
 * for each of them a restart is the smaller risk:
 *
 * - sshd on SIGHUP (sshd(8)): after the exec nobody knows whether it came up. It keeps its InvocationID, its pid and
 *   `active`, systemctl has long ended with 0, and an sshd whose new libraries do not load is gone without a job that
 *   failed. A restart keeps open sessions as well (KillMode=process) and is proved.
 * - php-fpm on SIGUSR2 (php-fpm(8)): as sshd; and its workers are ended in the middle of a request unless
 *   `process_control_timeout` is set, so that it disturbs as much as a restart.
 * - haproxy in master-worker mode on SIGUSR2 (haproxy(1), management guide 3.2): the master is new, but the old workers
 *   go on until their last connection ends, which may be never: nothing could be proved.
 * - nginx (nginx.org/en/docs/control.html): HUP starts workers from the old master; only USR2, WINCH and QUIT by hand
 *   replace the program, and systemd then follows a pid that is not its child.
 *
 * All others read their configuration and keep their code. So the table says why not, where a reload seems to do.
 */
const SEEMS_TO_DO: readonly { readonly units: readonly string[]; readonly whyNot: string }[] = [
  {
    units: ["ssh.service", "sshd.service"],
    whyNot:
      "On a reload sshd executes itself anew, but within the same invocation: whether it came up again could not be proved, and a restart keeps the sessions too.",
  },
  {
    units: ["haproxy.service"],
    whyNot: "On a reload haproxy leaves its old workers running until their last connection ends.",
  },
  {
    units: ["nginx.service"],
    whyNot: "On a reload nginx forks new workers from the master in memory, which stays the old one.",
  },
];

/** What to say of a reload of this service, where there is more to say than that it does not replace code. */
export function reloadRule(unit: string): string | null {
  if (/^php[0-9.]*-fpm(?:@.*)?\.service$/.test(unit)) {
    return "On a reload php-fpm executes itself anew, but ends its workers in the middle of a request as a restart does, and within the same invocation: it could not be proved.";
  }
  return SEEMS_TO_DO.find(({ units }) => units.includes(unit))?.whyNot ?? null;
}
