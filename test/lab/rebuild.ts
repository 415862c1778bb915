import { execOk, type Host } from "./host.ts";

/**
 * Puts another build in the place of a program or library, as a package manager does: written beside it and renamed over
 * it. It is a copy whose build-id differs in all its bytes, elf(5), and runs as well as the original.
 */
export async function replaceBuild(host: Host, path: string): Promise<void> {
  const other = "s/(\\x04\\0\\0\\0\\x14\\0\\0\\0\\x03\\0\\0\\0GNU\\0)(.{20})/$1.~$2/se";
  const script =
    'perl -0777 -pe "$2" <"$1" >"$1.new" && ! cmp -s "$1" "$1.new" && chmod 755 "$1.new" && mv "$1.new" "$1"';
  await execOk(host, ["sh", "-c", script, "sh", path, other]);
}
