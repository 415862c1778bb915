import "./int64.ts";

export { afterpatch as pb } from "../generated/afterpatch.js";
