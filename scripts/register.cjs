// Lets Node load the TypeScript program: preloaded by the runtime's nodeargs in Pulumi.yaml. The program is bundled
// once per change, which starts three times faster than transpiling file by file; types are checked by `make lint`.
"use strict";
const fs = require("node:fs");
const { bundleFile } = require("./bundle.cjs");
const { accelerate } = require("./fast-struct.cjs");
const { loadNow, substitute, whenUsed } = require("./when-used.cjs");

require.extensions[".ts"] = (module, filename) => {
    const bundle = bundleFile(filename);
    // Under the bundle's own name, so that the lines of a stack trace can be looked up there.
    module._compile(fs.readFileSync(bundle, "utf8"), bundle);
};

// The SDK tells the engine of its every step, up to five messages a resource and one after the other. The CLI shows
// them with --debug only, of which a program learns nothing: BGP_LAB_DEBUG=1 has them sent.
const quiet = !process.env.BGP_LAB_DEBUG;

function sdkLog(request, parent) {
    const log = loadNow(request, parent);
    return quiet ? Object.assign(log, { debug: () => Promise.resolve() }) : log;
}

/** What already makes promises without a stack trace. */
const untraced = new WeakSet();

// The SDK formats a stack trace for every promise that it makes, three for each property of a resource. It prints them
// with PULUMI_DEBUG_PROMISE_LEAKS only.
function sdkPromises(request, parent) {
    const sdk = loadNow(request, parent);
    const { debuggablePromise: traced, debugPromiseLeaks } = sdk;
    // Modules that load each other see it half loaded first.
    if (traced !== undefined && !debugPromiseLeaks && !untraced.has(traced)) {
        sdk.debuggablePromise = (...args) => {
            const { stackTraceLimit } = Error;
            Error.stackTraceLimit = 0;
            try {
                return traced(...args);
            } finally {
                Error.stackTraceLimit = stackTraceLimit;
            }
        };
        untraced.add(sdk.debuggablePromise);
    }
    return sdk;
}

// What packages load at every start and a lab does not use costs more than its whole plan: the TypeScript compiler and
// npm's tree of packages, with which Pulumi's SDK serializes functions; its API for programs that run Pulumi; source maps,
// through which it formats a stack trace per resource; zod's messages in fifty languages. All but the source maps are loaded when somebody asks for them.
substitute({
    "@pulumi/pulumi": {
        "./automation": whenUsed,
        typescript: whenUsed,
        "@npmcli/arborist": whenUsed,
        "source-map-support/register": () => ({}),
        "./log": sdkLog,
        "../log": sdkLog,
        "../../log": sdkLog,
        "./debuggable": sdkPromises,
    },
    zod: { "../locales/index.cjs": whenUsed },
});

accelerate(require("google-protobuf/google/protobuf/struct_pb"));
