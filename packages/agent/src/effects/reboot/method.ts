import { readFileSync } from "node:fs";
import { visible } from "@afterpatch/core/text";
import type { RebootMethod, RebootOrder } from "@afterpatch/core/plan/reboot";
import { run, systemctl } from "../run.ts";
import { type InitSystem, softReboots, systemdVersion } from "./init-system.ts";

const COMMAND_MS = 60_000;
/** systemctl --check-inhibitors and what else is new since. */
const WITH_INHIBITORS = 248;

/** Why this host cannot be rebooted thus, or null. */
export async function unsupported(method: RebootMethod, init: InitSystem): Promise<string | null> {
  switch (method) {
    case "reboot":
      return null;
    case "kexec":
      if (init !== "systemd") return "kexec: only where systemd is PID 1";
      // Which kernel it would be has to be somebody's decision; ours would be a guess at a boot loader's options.
      return text("/sys/kernel/kexec_loaded") === "1"
        ? null
        : "kexec: no kernel is loaded for it; load one with 'kexec -l', or use the method reboot";
    case "soft-reboot":
      if (init !== "systemd") return "soft-reboot: only where systemd is PID 1";
      return (await softReboots()) === null
        ? "soft-reboot: this systemd does not count them (SoftRebootsCount), so nobody could prove it"
        : null;
  }
}

/** Has PID 1 begin. Null, or what it has against it. */
export async function beginReboot({ method, message }: RebootOrder, init: InitSystem): Promise<string | null> {
  if (init === "sysvinit") {
    const ran = await run("shutdown", ["-r", "--", "now", ...(message === "" ? [] : [visible(message)])], COMMAND_MS);
    return ran.status === 0 ? null : `shutdown -r now: ${visible(ran.complaint)}`;
  }
  // We have looked at inhibitors ourselves; asked to, systemctl would also refuse while somebody else is logged in.
  const isNew = ((await systemdVersion()) ?? 0) >= WITH_INHIBITORS;
  const checked = isNew ? ["--check-inhibitors=no", "--no-wall"] : [];
  const told = isNew && message !== "" ? [`--message=${visible(message)}`] : [];
  const { status, complaint } = await systemctl([method, ...checked, ...told], COMMAND_MS);
  return status === 0 ? null : `systemctl ${method}: ${visible(complaint)}`;
}

function text(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error) return "";
    throw error;
  }
}
