import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pages } from "./pages.ts";

// npm run reference: writes docs/reference, all of it, and removes what is not made any more.

const FOLDER = resolve(import.meta.dirname, "../../docs/reference");

const made = await pages();
mkdirSync(FOLDER, { recursive: true });
for (const name of readdirSync(FOLDER)) if (!made.some((page) => page.name === name)) rmSync(join(FOLDER, name));
for (const { name, text } of made) writeFileSync(join(FOLDER, name), text);
console.log(`${made.length} pages in docs/reference`);
