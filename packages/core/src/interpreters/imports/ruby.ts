/** One file that a text of Ruby loads. */
export interface RubyImport {
  readonly path: string;
  /** From the folder of the text itself. */
  readonly isRelative: boolean;
}

const REQUIRE = /^[^#\n]*?\b(require_relative|require|load)[ \t]{0,9}\(?[ \t]{0,9}["']([^"'#\n]+)["']/gm;
const AUTOLOAD = /^[^#\n]*?\bautoload[ \t]{0,9}\(?[ \t]{0,9}:\w+[ \t]*,[ \t]*["']([^"'#\n]+)["']/gm;

export function rubyImports(text: string): readonly RubyImport[] {
  const code = text.split(/^__END__$/m, 1)[0] ?? "";
  const required = [...code.matchAll(REQUIRE)].map(([, verb, path = ""]) => ({
    path,
    isRelative: verb === "require_relative",
  }));
  const later = [...code.matchAll(AUTOLOAD)].map(([, path = ""]) => ({ path, isRelative: false }));
  return [...required, ...later];
}
