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

// Three things that Pulumi's SDK loads at every start cost more than a lab's whole plan, and a lab uses none: the
// TypeScript compiler and npm's tree of packages, to serialize functions, and source maps, through which it formats a
// stack trace per resource. The first two are loaded when somebody asks them for something.
const load = Module._load;

function whenUsed(name) {
    const get = (_target, key) => key === "__esModule" || load.call(Module, name, module, false)[key];
    return new Proxy({}, { get });
}

const substitutes = {
    typescript: whenUsed("typescript"),
    "@npmcli/arborist": whenUsed("@npmcli/arborist"),
    "source-map-support/register": {},
};

Module._load = function (request, parent, ...rest) {
    const fromSdk = parent?.filename?.includes("/@pulumi/pulumi/");
    return fromSdk && request in substitutes ? substitutes[request] : load.call(this, request, parent, ...rest);
};

accelerate(require("google-protobuf/google/protobuf/struct_pb"));
