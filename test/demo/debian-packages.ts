// Prints the Debian packages that the lab needs and this machine lacks, on one line, for setup.sh.
import { missingRequirements } from "../lab/requirements.ts";

const INSTALL = "apt-get install ";
const remedies = (await missingRequirements()).map(({ remedy }) => remedy);
const packages = remedies.filter((remedy) => remedy.startsWith(INSTALL)).map((remedy) => remedy.slice(INSTALL.length));
if (packages.length > 0) console.log([...new Set(packages)].join(" "));
