import type { Keys } from "@afterpatch/core/policy/keys";

/** /etc/afterpatch/controller.yaml as it is written (docs/controller.schema.json). */
export interface ControllerFile {
  readonly listen?: string;
  readonly ports?: { readonly fleet?: number; readonly enrol?: number; readonly http?: number };
  readonly hooksDir?: string;
  readonly reportInterval?: string;
  readonly lostAfter?: string;
  readonly retention?: {
    readonly reports?: string;
    readonly reportsPerHost?: number;
    readonly events?: string;
    readonly mostEvents?: number;
  };
  readonly webhooks?: readonly WebhookInFile[];
}

export interface WebhookInFile {
  readonly url: string;
  readonly on?: readonly string[];
  readonly secretFile?: string;
  readonly oldSecretFile?: string;
}

/** Its keys. A test compares them with docs/controller.schema.json. */
export const CONTROLLER_FILE_KEYS: Keys<ControllerFile> = {
  listen: true,
  ports: { fleet: true, enrol: true, http: true },
  hooksDir: true,
  reportInterval: true,
  lostAfter: true,
  retention: { reports: true, reportsPerHost: true, events: true, mostEvents: true },
  webhooks: { url: true, on: true, secretFile: true, oldSecretFile: true },
};
