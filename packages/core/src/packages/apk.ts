/** A package of apk's database, apk-installed(5), and which of the wanted files it has. */
export interface ApkPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Absolute paths to the base64 text of the file's SHA-1, null where the database has none. */
  readonly files: ReadonlyMap<string, string | null>;
}

/**
 * Packages of /lib/apk/db/installed that have one of these paths, or one of these names. `P:` name, `V:` version, `A:`
 * architecture, `F:` folder, `R:` file in it, `Z:Q1...` its SHA-1 in base64; a blank line ends a package.
 */
export function parseApkInstalled(
  text: string,
  {
    paths = new Set(),
    names = new Set(),
  }: { readonly paths?: ReadonlySet<string>; readonly names?: ReadonlySet<string> },
): readonly ApkPackage[] {
  const found: ApkPackage[] = [];
  let open = { name: "", version: "", architecture: "" };
  let files = new Map<string, string | null>();
  let folder = "";
  let file: string | null = null;
  const end = () => {
    const { name, version } = open;
    if (name !== "" && version !== "" && (files.size > 0 || names.has(name))) found.push({ ...open, files });
    open = { name: "", version: "", architecture: "" };
    files = new Map();
    folder = "";
    file = null;
  };
  for (let start = 0; start <= text.length; ) {
    const newline = text.indexOf("\n", start);
    const stop = newline < 0 ? text.length : newline;
    const value = text.slice(start + 2, stop);
    switch (stop === start ? "" : text.slice(start, start + 2)) {
      case "":
        end();
        break;
      case "P:":
        open = { ...open, name: value };
        break;
      case "V:":
        open = { ...open, version: value };
        break;
      case "A:":
        open = { ...open, architecture: value };
        break;
      case "F:":
        folder = value;
        file = null;
        break;
      case "R:": {
        const path = folder === "" ? `/${value}` : `/${folder}/${value}`;
        file = paths.has(path) ? path : null;
        if (file !== null) files.set(file, null);
        break;
      }
      case "Z:":
        if (file !== null && value.startsWith("Q1")) files.set(file, value.slice(2));
        break;
    }
    start = stop + 1;
  }
  end();
  return found;
}
