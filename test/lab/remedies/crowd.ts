import { createInterface } from "node:readline";
import { type Host, spawnInside } from "../host.ts";

/** Many clients of one port, on the host itself, held by one shell. */
export interface Crowd {
  /** Sends a line over each connection: how many were answered by what, and how many are closed. */
  ask(): Promise<Readonly<Record<string, number>>>;
  close(): void;
}

const SCRIPT = `trap '' PIPE
for i in $(seq "$2"); do
  exec {fd}<>"/dev/tcp/127.0.0.1/$1"; fds+=("$fd"); read -r -t 20 -u "$fd" greeting || exit 1
done
echo ready
while read -r _; do
  for fd in "\${fds[@]}"; do
    answer=closed; printf 'NOOP\\r\\n' 2>/dev/null >&"$fd" && read -r -t 20 -u "$fd" line && answer=\${line% pid *}
    echo "$answer"
  done
  echo .
done`;

/** Opens `count` connections, one after the other, and waits until all are greeted. */
export async function crowdOn(host: Host, port: number, count: number): Promise<Crowd> {
  const shell = await spawnInside(host, ["bash", "-c", SCRIPT, "bash", `${port}`, `${count}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const { stdin, stdout } = shell;
  if (stdin === null || stdout === null) throw new Error("no pipes to the shell");
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.value !== "ready") throw new Error(`${count} connections to port ${port} of ${host.name} failed`);
  return {
    ask: async () => {
      stdin.write("ask\n");
      const answers: Record<string, number> = {};
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error("the shell with the connections has ended");
        if (value === ".") return answers;
        answers[value] = (answers[value] ?? 0) + 1;
      }
    },
    close: () => void stdin.end(),
  };
}
