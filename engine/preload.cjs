// Loaded into every program that the embedded engine starts.
"use strict";
const util = require("node:util");

// The SDK shows an unexpected error with util.inspect in colour. Up to Node 20 that never returns for a stack line such as
// ".../node_modules/@pulumi/resource.ts:1", which the SDK's own source maps produce: the program would hang, not fail.
const inspect = util.inspect;
util.inspect = Object.assign(
    (value, options, ...rest) =>
        inspect(value, value instanceof Error && options?.colors ? { ...options, colors: false } : options, ...rest),
    inspect,
);
