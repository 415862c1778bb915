import { bootsNext } from "@afterpatch/core/kernel/boots-next";
import { earlyFiles } from "@afterpatch/core/kernel/cpio";
import type { Cpu, LoaderFacts, MicrocodeFacts, MicrocodeOffer } from "@afterpatch/core/kernel/facts";
import { offeredBy } from "@afterpatch/core/kernel/microcode";
import { parseCpus } from "@afterpatch/core/kernel/cpus";
import { textOfBytes } from "@afterpatch/core/text";
import { exists, type Files, namesIn, textOf, withFile } from "./files.ts";
import { BOOT_FOLDERS } from "./loader.ts";

const LONGEST = 32 * 1024 * 1024;

/** The processor's revision, and what the disk has for it. Files that are compressed are not read. */
export function microcodeOf(files: Files, loader: LoaderFacts): MicrocodeFacts {
  const text = textOf(files, "/proc/cpuinfo", 64 * 1024 * 1024);
  if (text === null) return { kind: "unreadable", why: "/proc/cpuinfo could not be read" };
  const cpus = parseCpus(text);
  if (cpus.kind === "skipped") return cpus;
  const flags = textOf(files, "/sys/devices/system/cpu/cpu0/microcode/processor_flags", 64)?.trim() ?? "";
  const cpu: Cpu = { ...cpus.cpu, platform: /^0x[0-9a-f]{1,8}$/i.test(flags) ? Number.parseInt(flags, 16) : null };
  const offers = [...initrdsOf(files, loader, cpu), ...firmwareOf(files, cpu)];
  const bootedAt = /^btime ([0-9]{1,12})$/m.exec(textOf(files, "/proc/stat", 64 * 1024 * 1024) ?? "")?.[1];
  return { kind: "read", cpu, offers, bootedAt: bootedAt === undefined ? null : Number(bootedAt) * 1000 };
}

/** Early microcode of the initial RAM disks that start next. */
function initrdsOf(files: Files, loader: LoaderFacts, cpu: Cpu): readonly MicrocodeOffer[] {
  const next = bootsNext(loader);
  if (next.kind === "unknown") return [];
  const wanted = `kernel/x86/microcode/${cpu.vendor === "intel" ? "GenuineIntel" : "AuthenticAMD"}.bin`;
  return next.initrd.slice(0, 10).flatMap((named) => {
    const path = ["", ...BOOT_FOLDERS].map((folder) => folder + named).find((candidate) => exists(files, candidate));
    const offer =
      path === undefined
        ? null
        : withFile(files, path, ({ readAt, modifiedAt }) => {
            const file = earlyFiles(readAt).find(({ name, size }) => name === wanted && size <= LONGEST);
            return file ? { ...offeredBy(readAt(file.offset, file.size), cpu), modifiedAt } : null;
          });
    return path === undefined || offer === null ? [] : [{ path: textOfBytes(path), kind: "initrd" as const, ...offer }];
  });
}

function firmwareOf(files: Files, cpu: Cpu): readonly MicrocodeOffer[] {
  return firmwarePaths(files, cpu).flatMap((path) => {
    const offer = withFile(files, path, ({ readAt, sizeBytes, modifiedAt }) =>
      sizeBytes > LONGEST ? null : { ...offeredBy(readAt(0, sizeBytes), cpu), modifiedAt },
    );
    return offer === null ? [] : [{ path: textOfBytes(path), kind: "firmware" as const, ...offer }];
  });
}

function firmwarePaths(files: Files, { vendor, family, model, stepping }: Cpu): readonly string[] {
  if (vendor === "intel") {
    const name = [family, model, stepping].map((part) => part.toString(16).padStart(2, "0")).join("-");
    // Debian keeps some out of the reach of late loading by another name, and still puts them into its RAM disks.
    return [`/lib/firmware/intel-ucode/${name}`, `/lib/firmware/intel-ucode/${name}.initramfs`];
  }
  const names = (namesIn(files, "/lib/firmware/amd-ucode") ?? []).filter((name) => /^microcode_amd.*\.bin$/.test(name));
  return names.slice(0, 20).map((name) => `/lib/firmware/amd-ucode/${name}`);
}
