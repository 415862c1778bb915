import { open } from "node:fs/promises";
import { type JoinToken, parseToken } from "@afterpatch/wire/token";
import { EnrollError } from "./error.ts";

/** A token has about 140 characters. */
const MAX_BYTES = 4096;

/** Reads a token from a file, or from standard input for `-`. */
export async function readToken(path: string): Promise<JoinToken> {
  const what = path === "-" ? "token on standard input" : path;
  const text = await (path === "-" ? readStart(process.stdin) : readFileStart(path)).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EnrollError("token-file", what, `token cannot be read: ${why}`, "name a file with a token", { cause });
  });
  const token = parseToken(text);
  if (!token) {
    throw new EnrollError("token-file", what, "no join token in it", "write one with 'afterpatch token create'");
  }
  return token;
}

async function readFileStart(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function readStart(stream: NodeJS.ReadStream): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.length > MAX_BYTES) break; // no token; the rest need not be read
  }
  return text;
}
