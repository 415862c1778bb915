const SOURCED = /^[^#\n]*?(?:^|[;&|({\s])(?:\.|source)[ \t]+["']?(\/[\w./+@:-]+)["']?/gm;
/** Settings that programs read are no code, and often written anew. */
const SETTINGS = /^\/etc\/(?!init\.d\/|rc\.d\/|init\/)|\.(?:conf|cfg|env|ini)$|\/os-release$/;

/** Files of code that a shell script reads by a literal absolute path. */
export function shellImports(text: string): readonly string[] {
  return [...text.matchAll(SOURCED)].map(([, path = ""]) => path).filter((path) => !SETTINGS.test(path));
}
