import type { Keys } from "@afterpatch/core/policy/keys";

/** /etc/afterpatch/controller.yaml as it is written (docs/controller.schema.json). */
export interface ControllerFile {
  readonly listen?: string;
  readonly ports?: { readonly fleet?: number; readonly enrol?: number; readonly http?: number };
  readonly hooksDir?: string;
  readonly reportInterval?: string;
  readonly lostAfter?: string;
}

/** Its keys. A test compares them with docs/controller.schema.json and docs/controller-file.md. */
export const CONTROLLER_FILE_KEYS: Keys<ControllerFile> = {
  listen: true,
  ports: { fleet: true, enrol: true, http: true },
  hooksDir: true,
  reportInterval: true,
  lostAfter: true,
};
