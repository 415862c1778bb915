import { type CommandError, usageError } from "@afterpatch/core/command-error";

/** What could not be had: a port on an address, and the option that names the port. */
export interface Wanted {
  /** For people: `fleet`, `enrol` or `HTTP`. */
  readonly name: string;
  /** All addresses when undefined. */
  readonly host: string | undefined;
  readonly port: number;
  readonly option: string;
}

/** Whether it is the port or the address that cannot be had: see bind(2) and getaddrinfo(3). */
export function bindFailure({ name, host, port, option }: Wanted, error: Error): CommandError {
  const what = `${name} port ${port} on ${host ?? "all addresses"}`;
  const cause = { cause: error };
  switch ("code" in error ? error.code : "") {
    case "EADDRINUSE":
      return usageError(what, "in use", `stop what listens there, or give another with ${option}`, cause);
    case "EACCES": {
      const why = "permission denied: ports below 1024 need a privilege";
      return usageError(what, why, `give one above with ${option}`, cause);
    }
    case "EADDRNOTAVAIL":
    case "EINVAL": {
      // a link-local address without its interface
      const todo = "see 'ip address', or leave --listen out";
      return usageError(`--listen ${host}`, "not an address of this machine", todo, cause);
    }
    case "ENOTFOUND":
    case "EAI_AGAIN": {
      const todo = "give an address of this machine, or leave --listen out";
      return usageError(`--listen ${host}`, "this name has no address", todo, cause);
    }
    default:
      return usageError(
        what,
        error.message,
        `give another address with --listen, or another port with ${option}`,
        cause,
      );
  }
}
