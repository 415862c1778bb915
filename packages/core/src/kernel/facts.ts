// What the agent read about the kernel, unjudged. Texts are whole files, so that a captured host can be judged again.

export interface KernelFacts {
  /** /proc/sys/kernel/version, what `uname -v` prints; null when it could not be read. */
  readonly build: string | null;
  /** /proc/version: on Debian it holds the version of the package. */
  readonly banner: string | null;
  /** /proc/version_signature, Ubuntu only. */
  readonly signature: string | null;
  /** The mark that says that this is a container; null where there is none. */
  readonly container: string | null;
  readonly images: readonly KernelImage[];
  /** Names below /lib/modules; null when they could not be listed. */
  readonly modules: readonly string[] | null;
  /** Installed packages named linux-image-*; null without a dpkg database. */
  readonly packages: readonly KernelPackage[] | null;
  readonly loader: LoaderFacts;
  /** Null when sysfs could not be read. */
  readonly livePatches: readonly LivePatch[] | null;
  readonly flags: readonly RebootFlag[];
  readonly microcode: MicrocodeFacts;
  /** What was fixed between the running kernel and the expected one, by its package's changelog. Absent: it could not tell. */
  readonly cves?: readonly string[];
  /** What could not be read: path and why. */
  readonly unreadable: readonly { readonly path: string; readonly why: string }[];
}

/** A file that a boot loader could start. */
export interface KernelImage {
  readonly path: string;
  /** Where a symbolic link leads; null for a regular file. */
  readonly target: string | null;
  /** `RELEASE (BUILDER) BUILD` from the header of an x86 image; null elsewhere or when it could not be read. */
  readonly version: string | null;
}

export interface KernelPackage {
  readonly name: string;
  readonly version: string;
}

/** Configuration of the boot loaders found. More than one may have been left behind. */
export interface LoaderFacts {
  readonly grub: {
    readonly path: string;
    readonly config: string;
    /** Text of grubenv, null without one. */
    readonly environment: string | null;
    /** A custom.cfg lies beside it, which is not read. */
    readonly custom: boolean;
  } | null;
  /** Folder of loader/, with `loader.conf` (null without one) and entries/*.conf. */
  readonly entries: {
    readonly path: string;
    readonly config: string | null;
    readonly files: readonly { readonly name: string; readonly text: string }[];
    /** Unified kernel images in EFI/Linux, which are not opened. */
    readonly unified: readonly string[];
  } | null;
  /** grub.conf of GRUB 0.97. */
  readonly legacy: { readonly path: string; readonly config: string } | null;
  /** EFI variables of systemd's Boot Loader Interface by name, those that are set. Null where they could not be read. */
  readonly variables: Readonly<Record<string, string>> | null;
}

export interface LivePatch {
  readonly name: string;
  readonly enabled: boolean;
  /** It is being put into or taken out of force: some tasks still run the other code. */
  readonly transition: boolean;
}

export interface RebootFlag {
  readonly path: string;
  /** Packages that asked, from `.pkgs`; empty where it does not say. */
  readonly packages: readonly string[];
}

export type MicrocodeFacts =
  | {
      readonly kind: "read";
      readonly cpu: Cpu;
      readonly offers: readonly MicrocodeOffer[];
      readonly bootedAt: number | null;
    }
  /** Nothing to look at: a virtual machine, a container, another processor, no files. */
  | { readonly kind: "skipped"; readonly why: string }
  | { readonly kind: "unreadable"; readonly why: string };

export interface Cpu {
  readonly vendor: "intel" | "amd";
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
  /** The lowest revision that any of the processors runs. */
  readonly revision: number;
  /** Bit of the platform, Intel's IA32_PLATFORM_ID; null where the kernel does not tell. */
  readonly platform: number | null;
}

/** Newest revision for this processor in one place. */
export interface MicrocodeOffer {
  /** An initial RAM disk, or a file below the firmware folder. */
  readonly path: string;
  readonly kind: "initrd" | "firmware";
  /** Null: none for this processor. */
  readonly revision: number | null;
  /** It has revisions for several platforms and it is not known which is this one. */
  readonly ambiguous: boolean;
  /** Epoch milliseconds of the last change of the file. */
  readonly modifiedAt: number;
}
