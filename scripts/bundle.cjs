// Bundles an entry point with esbuild when one of its sources is newer than the bundle, so that what runs is never stale.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const root = path.dirname(__dirname);
const entries = {
    engine: "engine/main.ts",
    provider: "provider/main.ts",
    sandbox: "provider/sandbox/init.ts",
    controller: "controller/embedded.ts",
    "cluster-controller": "controller/cluster.ts",
    commands: "commands/main.ts",
};

/** Bundles that travel: into a cluster, whose objects have at most 1 MiB. */
const small = new Set(["cluster-controller"]);

/** Packages that can only be imported, and the files that are. */
const modulesOnly = { unixcrypt: path.join(root, "node_modules/unixcrypt/dist/index.js") };

/** Files that decide what a bundle contains besides its sources. */
const always = ["package-lock.json", "scripts/bundle.cjs", "tsconfig.json"];

function isFresh(outfile, list) {
    try {
        const built = fs.statSync(outfile).mtimeMs;
        const inputs = JSON.parse(fs.readFileSync(list, "utf8"));
        return inputs.every((file) => fs.statSync(path.join(root, file)).mtimeMs <= built);
    } catch {
        return false;
    }
}

/** Renamed into place, so that two starts at once never run half a file. */
function replace(file, content) {
    const draft = `${file}.${process.pid}`;
    fs.writeFileSync(draft, content);
    fs.renameSync(draft, file);
}

function build(entry, outfile, list, options) {
    const started = new Date();
    const result = require("esbuild").buildSync({
        absWorkingDir: root,
        entryPoints: [entry],
        outfile,
        write: false,
        bundle: true,
        platform: "node",
        target: "node20",
        format: "cjs",
        metafile: true,
        logLevel: "warning",
        legalComments: "none",
        // An import when it is needed is a require then: Node's loader of modules first reads a package for its exports.
        supported: { "dynamic-import": false },
        ...options,
    });
    const inputs = Object.keys(result.metafile.inputs).filter((file) => !file.startsWith("node_modules/"));
    fs.mkdirSync(path.dirname(outfile), { recursive: true });
    replace(outfile, result.outputFiles[0].contents);
    // A source saved while the bundle was made must count as newer.
    fs.utimesSync(outfile, started, started);
    replace(list, JSON.stringify([...inputs, ...always]));
}

function bundleEntry(entry, name, options) {
    const outfile = path.join(root, "build", `${name}.cjs`);
    const list = path.join(root, "build", `${name}.inputs.json`);
    if (!isFresh(outfile, list)) {
        build(entry, outfile, list, options);
    }
    return outfile;
}

/**
 * Path of the up-to-date, self-contained bundle of a named entry point.
 *
 * @param {keyof typeof entries} name
 * @returns {string}
 */
function bundle(name) {
    const external = ["@viz-js/viz", "dockerode", "esbuild", "koffi"];
    return bundleEntry(entries[name], name, { external, minify: small.has(name) });
}

/**
 * Path of the up-to-date bundle of any source file; packages stay outside.
 *
 * @param {string} file
 * @returns {string}
 */
function bundleFile(file) {
    const entry = path.relative(root, file);
    return bundleEntry(entry, `file-${entry.replace(/[^A-Za-z0-9]+/g, "-")}`, {
        packages: "external",
        // Packages that have nothing for require are put in.
        alias: modulesOnly,
    });
}

module.exports = { bundle, bundleFile, entries };

if (require.main === module) {
    const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(entries);
    for (const name of names) {
        console.log(path.relative(root, bundle(name)));
    }
}
