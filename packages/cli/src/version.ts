import manifest from "../package.json" with { type: "json" };

/** Version of afterpatch. */
export const version: string = manifest.version;
