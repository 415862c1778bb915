import protobuf from "protobufjs/minimal.js";

// Decode 64-bit fields as numbers: ours (ticks, milliseconds, epochs) stay far below 2^53.
// Must run before the generated module, which fixes the default of each 64-bit field while it loads.
protobuf.util.Long = null as never; // `null` is what protobufjs itself uses for "no Long library"; its types do not say so
protobuf.configure();
