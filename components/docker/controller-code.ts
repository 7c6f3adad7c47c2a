import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

/** The folder of the project, wherever this program was bundled to. */
function projectRoot(directory: string): string {
    const parent = dirname(directory);
    try {
        createRequire(join(directory, "package.json")).resolve("./scripts/bundle.cjs");
        return directory;
    } catch {
        if (parent === directory) {
            throw new Error("the program is not in a folder of the project, which has scripts/bundle.cjs");
        }
        return projectRoot(parent);
    }
}

/** The peering controller for a cluster as one file, packed by gzip, in Base64: the same for the same sources. */
export function controllerCode(): string {
    const { bundle } = createRequire(join(projectRoot(__dirname), "package.json"))("./scripts/bundle.cjs") as {
        readonly bundle: (name: string) => string;
    };
    return gzipSync(readFileSync(bundle("cluster-controller")), { level: 9 }).toString("base64");
}
