// Loaded into every program that the embedded engine starts.
"use strict";
const { Socket } = require("node:net");
const util = require("node:util");

// The engine holds the other end, also of this process's output. One that is killed tells nobody, and the SDK would report
// for ever that nobody hears its reports.
const engine = new Socket({ fd: 3 });
engine.on("close", () => process.kill(process.pid, "SIGKILL"));
engine.resume();
engine.unref();

// The SDK shows an unexpected error with util.inspect in colour. Up to Node 20 that never returns for a stack line such as
// ".../node_modules/@pulumi/resource.ts:1", which the SDK's own source maps produce: the program would hang, not fail.
const inspect = util.inspect;
util.inspect = Object.assign(
    (value, options, ...rest) =>
        inspect(value, value instanceof Error && options?.colors ? { ...options, colors: false } : options, ...rest),
    inspect,
);
