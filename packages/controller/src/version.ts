import manifest from "../package.json" with { type: "json" };

/** Version of afterpatch-controller. */
export const version: string = manifest.version;
