// Lets Node load the TypeScript program: preloaded by the runtime's nodeargs in Pulumi.yaml. The program is bundled
// once per change, which starts three times faster than transpiling file by file; types are checked by `make lint`.
"use strict";
const fs = require("node:fs");
const Module = require("node:module");
const { bundleFile } = require("./bundle.cjs");
const { accelerate } = require("./fast-struct.cjs");

require.extensions[".ts"] = (module, filename) => {
    const bundle = bundleFile(filename);
    // Under the bundle's own name, so that the lines of a stack trace can be looked up there.
    module._compile(fs.readFileSync(bundle, "utf8"), bundle);
};

// What packages load at every start and a lab does not use costs more than its whole plan: the TypeScript compiler and
// npm's tree of packages, with which Pulumi's SDK serializes functions; source maps, through which it formats a stack
// trace per resource; zod's messages in fifty languages. All but the source maps are loaded when somebody asks for them.
const load = Module._load;

function whenUsed(name, parent) {
    const get = (_target, key) => key === "__esModule" || load.call(Module, name, parent, false)[key];
    return new Proxy({}, { get });
}

/** By the package that asks and the name by which it does. */
const substitutes = {
    "@pulumi/pulumi": {
        typescript: whenUsed,
        "@npmcli/arborist": whenUsed,
        "source-map-support/register": () => ({}),
    },
    zod: { "../locales/index.cjs": whenUsed },
};

function substituteFor(request, parent) {
    const path = parent?.filename ?? "";
    const owner = Object.keys(substitutes).find((name) => path.includes(`/node_modules/${name}/`));
    const known = owner !== undefined && Object.hasOwn(substitutes[owner], request);
    return known ? substitutes[owner][request](request, parent) : undefined;
}

Module._load = function (request, parent, ...rest) {
    return substituteFor(request, parent) ?? load.call(this, request, parent, ...rest);
};

accelerate(require("google-protobuf/google/protobuf/struct_pb"));
