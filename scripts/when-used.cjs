// Keeps packages from loading what a lab does not use, until somebody uses it.
"use strict";
const Module = require("node:module");

const load = Module._load;

/**
 * Loads a module as if it had no substitute.
 *
 * @param {string} request
 * @param {NodeJS.Module} parent
 */
function loadNow(request, parent) {
    return load.call(Module, request, parent, false);
}

/**
 * Stands for a module that is loaded when one of its properties is read, or when it is called.
 *
 * @param {string} request
 * @param {NodeJS.Module} parent
 */
function whenUsed(request, parent) {
    const loaded = () => loadNow(request, parent);
    return new Proxy(() => {}, {
        get: (_target, key) => key === "__esModule" || loaded()[key],
        apply: (_target, self, args) => Reflect.apply(loaded(), self, args),
    });
}

/**
 * Puts something else in the place of modules, from now on.
 *
 * @param {Record<string, Record<string, (request: string, parent: NodeJS.Module) => unknown>>} substitutes
 *     what stands for a module, by the package that asks and the name by which it does
 */
function substitute(substitutes) {
    function substituteFor(request, parent) {
        const path = parent?.filename ?? "";
        const owner = Object.keys(substitutes).find((name) => path.includes(`/node_modules/${name}/`));
        const known = owner !== undefined && Object.hasOwn(substitutes[owner], request);
        return known ? substitutes[owner][request](request, parent) : undefined;
    }

    Module._load = function (request, parent, ...rest) {
        return substituteFor(request, parent) ?? load.call(this, request, parent, ...rest);
    };
}

module.exports = { loadNow, substitute, whenUsed };
