import { DatabaseSync } from "node:sqlite";
import { openDatabase } from "@afterpatch/controller/store/sqlite";

// Opens a store, and is killed before the n-th thing that is asked of SQLite: as a power cut would, it tells nobody.
const [path = "", nth = ""] = process.argv.slice(2);
let count = 0;
for (const name of ["exec", "prepare"] as const) {
  const call = DatabaseSync.prototype[name] as (sql: string) => never; // both take the text of a statement first
  const counted = function (this: DatabaseSync, sql: string): never {
    count += 1;
    if (count === Number(nth)) process.kill(process.pid, "SIGKILL");
    return call.call(this, sql);
  };
  Object.defineProperty(DatabaseSync.prototype, name, { value: counted });
}
openDatabase(path).close();
